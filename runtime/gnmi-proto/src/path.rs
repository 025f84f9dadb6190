//! Paths (section 2.2.2): `interfaces/interface[name=eth1]/state/oper-status`.

use std::collections::HashMap;

use crate::gnmi::{Path, PathElem};

/// An element that stands for any one element.
const ANY: &str = "*";
/// An element that stands for any number of elements.
const ANY_NUMBER: &str = "...";

/// A path without keys but for that of `interface`: the element named so has the key `name`.
///
/// `interface_path("eth1", &["state", "id"])` is `interfaces/interface[name=eth1]/state/id`.
#[must_use]
pub fn interface_path(name: &str, rest: &[&str]) -> Path {
    let elem = |name: &str| PathElem {
        name: name.to_owned(),
        key: HashMap::new(),
    };
    let interface = PathElem {
        name: "interface".to_owned(),
        key: [("name".to_owned(), name.to_owned())].into(),
    };
    let mut elems = vec![elem("interfaces"), interface];
    elems.extend(rest.iter().map(|name| elem(name)));
    Path {
        elem: elems,
        ..Path::default()
    }
}

/// The name of the interface of a path of [`interface_path`]'s form, and the elements after it.
#[must_use]
pub fn of_interface(path: &Path) -> Option<(&str, Vec<&str>)> {
    let [interfaces, interface, rest @ ..] = &path.elem[..] else {
        return None;
    };
    if interfaces.name != "interfaces" || interface.name != "interface" {
        return None;
    }
    let name = interface.key.get("name")?;
    let rest = rest.iter().map(|elem| elem.name.as_str()).collect();
    Some((name, rest))
}

/// A path in the form that people read.
#[must_use]
pub fn to_text(path: &Path) -> String {
    let mut text = String::new();
    for elem in &path.elem {
        text.push('/');
        text.push_str(&elem.name);
        let mut keys: Vec<_> = elem.key.iter().collect();
        keys.sort();
        for (key, value) in keys {
            text.push_str(&format!("[{key}={value}]"));
        }
    }
    if text.is_empty() {
        text.push('/');
    }
    text
}

/// Whether the path has a wildcard: `*` or `...` as an element, or a key that is `*` or left out
/// (section 2.4.1 of the specification of paths: a key that is left out matches all).
#[must_use]
pub fn has_wildcard(path: &Path) -> bool {
    path.elem.iter().any(|elem| {
        elem.name == ANY
            || elem.name == ANY_NUMBER
            || elem.key.values().any(|value| value == ANY)
            || (elem.name == "interface" && elem.key.is_empty())
    })
}

/// Whether a path, which may have wildcards, is that of a leaf, or of something above it.
#[must_use]
pub fn covers(path: &[PathElem], leaf: &[PathElem]) -> bool {
    let Some((first, rest)) = path.split_first() else {
        return true;
    };
    if first.name == ANY_NUMBER {
        return (0..=leaf.len()).any(|skipped| covers(rest, &leaf[skipped..]));
    }
    let Some((own, below)) = leaf.split_first() else {
        return false;
    };
    let key = |(key, value): (&String, &String)| value == ANY || own.key.get(key) == Some(value);
    (first.name == ANY || first.name == own.name)
        && first.key.iter().all(key)
        && covers(rest, below)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `a/b[k=v]/c`, for short tests.
    fn path(text: &str) -> Path {
        let elem = text.split('/').filter(|part| !part.is_empty()).map(|part| {
            let (name, key) = match part.split_once('[') {
                None => (part, HashMap::new()),
                Some((name, key)) => {
                    let (key, value) = key.trim_end_matches(']').split_once('=').unwrap();
                    (name, [(key.to_owned(), value.to_owned())].into())
                }
            };
            PathElem {
                name: name.to_owned(),
                key,
            }
        });
        Path {
            elem: elem.collect(),
            ..Path::default()
        }
    }

    #[test]
    fn paths_are_made_and_taken_apart() {
        let made = interface_path("eth1", &["state", "id"]);
        assert_eq!(to_text(&made), "/interfaces/interface[name=eth1]/state/id");
        assert_eq!(of_interface(&made), Some(("eth1", vec!["state", "id"])));
        assert_eq!(of_interface(&path("/components/component[name=a]")), None);
        assert_eq!(to_text(&Path::default()), "/");
    }

    #[test]
    fn a_path_covers_what_is_below_it() {
        let leaf = interface_path("eth1", &["state", "counters", "in-octets"]);
        for above in [
            "/",
            "/interfaces",
            "/interfaces/interface",
            "/interfaces/interface[name=*]",
            "/interfaces/interface[name=eth1]/state",
            "/interfaces/interface/...",
            "/interfaces/interface/.../in-octets",
            "/.../counters",
            "/interfaces/*/state/counters/in-octets",
        ] {
            assert!(covers(&path(above).elem, &leaf.elem), "{above}");
        }
        for other in [
            "/interface",
            "/interfaces/interface[name=eth2]",
            "/interfaces/interface[id=1]",
            "/interfaces/interface/config",
            "/.../out-octets",
            "/interfaces/interface/state/counters/in-octets/more",
        ] {
            assert!(!covers(&path(other).elem, &leaf.elem), "{other}");
        }
        assert!(has_wildcard(&path("/interfaces/interface[name=*]/state")));
        assert!(has_wildcard(&path("/interfaces/interface/state")));
        assert!(!has_wildcard(&leaf));
    }
}
