//! The checks of `[labels]`: which labels are configured, and which are dealt out to protocols.

use std::time::Duration;

use forwarding::{LabelManagerConfig, LabelSpace};
use mpls::LabelRange;

use super::StaticLsp;
use super::problem::{Problems, Span};
use super::section::{At, Section};

/// What `[labels]` says.
pub(super) struct Labels {
    dynamic: Option<At<LabelRange>>,
    hold_down: Duration,
    span: Span,
}

/// Reads `[labels]`.
pub(super) fn read(root: &mut Section<'_, '_>, problems: &mut Problems) -> Labels {
    let default = LabelManagerConfig::default();
    let mut labels = Labels {
        dynamic: None,
        hold_down: default.hold_down,
        span: 0..0,
    };
    let Some(mut section) = root.table("labels", "[labels]", problems) else {
        return labels;
    };
    labels.span = section.span.clone();
    if let Some(given) = section.text("dynamic-range", problems) {
        match given.value.parse() {
            Ok(value) => {
                labels.dynamic = Some(At {
                    value,
                    span: given.span,
                });
            }
            Err(error) => problems.add(
                &given.span,
                format!("`{}` is not a range of labels", given.value),
                format!("{error}"),
                "write first-last, such as \"16000-1048575\"",
            ),
        }
    }
    let hold_down = section.integer(
        "hold-down",
        0..=3600,
        "seconds before a released label is used again",
        problems,
    );
    if let Some(seconds) = hold_down {
        labels.hold_down = Duration::from_secs(seconds.value);
    }
    section.finish(problems);
    labels
}

impl Labels {
    /// How labels are dealt out.
    pub(super) fn manager(&self) -> LabelManagerConfig {
        let default = LabelManagerConfig::default();
        LabelManagerConfig {
            dynamic_range: self
                .dynamic
                .as_ref()
                .map_or(default.dynamic_range, |range| range.value),
            hold_down: self.hold_down,
            ..default
        }
    }

    /// A label that is configured must not be one that a protocol may get.
    pub(super) fn check(&self, lsps: &[StaticLsp], problems: &mut Problems) {
        let range = self.manager().dynamic_range;
        for lsp in lsps {
            let Some((key, _)) = &lsp.ilm else { continue };
            if key.label_space == LabelSpace::PLATFORM && range.contains(key.label) {
                let span = self
                    .dynamic
                    .as_ref()
                    .map_or(&self.span, |range| &range.span);
                problems.add(
                    span,
                    format!(
                        "label {} of the static LSP `{}` is one of {range}, which LDP deals out",
                        key.label, lsp.name
                    ),
                    "",
                    "give the static LSP a label below, or write another dynamic-range in [labels]",
                );
            }
        }
    }
}
