//! Labels that the operator writes.

use forwarding::Payload;
use mpls::Label;
use toml::Spanned;
use toml::de::DeValue;

use super::super::problem::Problems;
use super::super::section::{At, Section, text, wrong_type};
use super::StaticLsps;

impl StaticLsps<'_> {
    /// The key `labels`: what is pushed, outermost first.
    pub(super) fn out_labels(
        &self,
        section: &mut Section<'_, '_>,
        payload: Option<Payload>,
        problems: &mut Problems,
    ) -> Option<At<Vec<Label>>> {
        let Some(list) = section.list("labels", problems) else {
            // A wrong type was told by list().
            let span = section.span.clone();
            return section.get("labels").is_none().then_some(At {
                value: Vec::new(),
                span,
            });
        };
        let mut labels = Vec::new();
        for (position, value) in list.value.iter().enumerate() {
            let last = position + 1 == list.value.len();
            match value.get_ref() {
                DeValue::String(_) => {
                    let word = text("each of `labels`", value, problems)?;
                    labels.extend(self.named_label(
                        &word,
                        last,
                        list.value.len(),
                        payload,
                        problems,
                    )?);
                }
                _ => labels.push(label("each of `labels`", value, problems)?.value),
            }
        }
        if labels.len() > self.referred.limits.pushed_labels {
            problems.add(
                &list.span,
                format!("a stack of {} labels is too deep", labels.len()),
                "",
                format!(
                    "the hardware profile pushes at most {} (pushed_labels)",
                    self.referred.limits.pushed_labels
                ),
            );
            return None;
        }
        Some(At {
            value: labels,
            span: list.span,
        })
    }

    /// A label by its name in RFC 3032, 2.1: nothing to push for implicit null.
    fn named_label(
        &self,
        word: &At<&str>,
        last: bool,
        count: usize,
        payload: Option<Payload>,
        problems: &mut Problems,
    ) -> Option<Option<Label>> {
        match word.value {
            "implicit-null" if count == 1 => Some(None),
            "implicit-null" => {
                problems.add(
                    &word.span,
                    "`implicit-null` never stands in a label stack (RFC 3032, 2.1)",
                    "with other labels",
                    "it stands alone, as labels = [\"implicit-null\"], and means: pop",
                );
                None
            }
            "explicit-null" if !last => {
                problems.add(
                    &word.span,
                    "`explicit-null` must be the innermost label here",
                    "labels follow",
                    "move it to the end of the list",
                );
                None
            }
            "explicit-null" => match payload {
                Some(Payload::Ipv4) => Some(Some(Label::IPV4_EXPLICIT_NULL)),
                Some(Payload::Ipv6) => Some(Some(Label::IPV6_EXPLICIT_NULL)),
                _ => {
                    problems.add(
                        &word.span,
                        "`explicit-null` is label 0 for IPv4 and label 2 for IPv6 (RFC 3032, 2.1)",
                        "which one?",
                        "add payload = \"ipv4\" or payload = \"ipv6\"",
                    );
                    None
                }
            },
            other => {
                problems.add(
                    &word.span,
                    format!("`{other}` is not a label"),
                    "not known",
                    "write a number from 16 to 1048575, \"implicit-null\" or \"explicit-null\"",
                );
                None
            }
        }
    }
}

/// An incoming label or one that is pushed, by its number.
pub(super) fn label(
    what: &str,
    value: &Spanned<DeValue<'_>>,
    problems: &mut Problems,
) -> Option<At<Label>> {
    let Some(number) = value.get_ref().as_integer() else {
        wrong_type(what, value, "a label, which is a whole number", problems);
        return None;
    };
    let label = u32::from_str_radix(number.as_str(), number.radix())
        .ok()
        .and_then(|number| Label::try_from(number).ok())
        .filter(|label| !label.is_reserved());
    if label.is_none() {
        let remedy = match number.as_str() {
            "0" | "2" => {
                "labels 16 to 1048575 are for LSPs; for an explicit null (RFC 3032, 2.1) write \
                 labels = [\"explicit-null\"] at a next hop"
            }
            "3" => {
                "labels 16 to 1048575 are for LSPs; for implicit null (RFC 3032, 2.1) write \
                 labels = [\"implicit-null\"] at a next hop"
            }
            _ => "labels 16 to 1048575 are for LSPs; 0 to 15 are special-purpose (RFC 7274)",
        };
        problems.add(
            &value.span(),
            format!("label {} is out of range", number.as_str()),
            "out of range",
            remedy,
        );
        return None;
    }
    label.map(|label| At {
        value: label,
        span: value.span(),
    })
}
