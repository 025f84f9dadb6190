//! Hardware profiles: how large the tables of a target are, as macros for the program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::options::Define;

/// Why a hardware profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The file cannot be read.
    #[error("cannot read the hardware profile {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The file is no TOML, or a value is no number.
    #[error("the hardware profile {} is not valid: {source}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its line.
        source: Box<toml::de::Error>,
    },
    /// A key that makes no name of a macro.
    #[error(
        "the hardware profile {} has the key `{key}`, but keys are letters, digits and underscores",
        path.display()
    )]
    Key {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
    },
}

/// The parts of a profile that the program sees; what else it has is for others.
#[derive(Debug, Deserialize)]
struct Profile {
    #[serde(default)]
    sizes: BTreeMap<String, u64>,
    #[serde(default)]
    depths: BTreeMap<String, u64>,
    #[serde(default)]
    ports: BTreeMap<String, u64>,
}

/// The macros that a hardware profile stands for.
///
/// A key of its table `[sizes]` gives a macro with the suffix `_SIZE`, of `[depths]` one with
/// `_DEPTH`, of `[ports]` one with `_PORT`: `ilm = 4096` under `[sizes]` gives `ILM_SIZE=4096`.
///
/// # Errors
///
/// If the file cannot be read, is no TOML, or has other values than numbers in these tables.
pub fn load(path: &Path) -> Result<Vec<Define>, ProfileError> {
    let text = std::fs::read_to_string(path).map_err(|source| ProfileError::Read {
        path: path.to_owned(),
        source,
    })?;
    parse(&text, path)
}

fn parse(text: &str, path: &Path) -> Result<Vec<Define>, ProfileError> {
    let profile: Profile = toml::from_str(text).map_err(|source| ProfileError::Syntax {
        path: path.to_owned(),
        source: Box::new(source),
    })?;
    let mut defines = Vec::new();
    let tables = [
        (profile.sizes, "SIZE"),
        (profile.depths, "DEPTH"),
        (profile.ports, "PORT"),
    ];
    for (table, suffix) in tables {
        for (key, value) in table {
            let valid = key
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if !valid || key.starts_with(|c: char| c.is_ascii_digit()) || key.is_empty() {
                let path = path.to_owned();
                return Err(ProfileError::Key { path, key });
            }
            let name = key.to_ascii_uppercase();
            defines.push(Define::Define(format!("{name}_{suffix}={value}")));
        }
    }
    Ok(defines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> Result<Vec<Define>, String> {
        parse(text, Path::new("x.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn keys_become_macros() {
        let text = "name = \"x\"\n[sizes]\nilm = 4096\nftn_ipv4 = 1_024\n[depths]\n\
                    parsed_labels = 8\n[ports]\ncpu = 510\n[punt]\ncontrol = { rate = 1 }\n";
        let expected = [
            "FTN_IPV4_SIZE=1024",
            "ILM_SIZE=4096",
            "PARSED_LABELS_DEPTH=8",
            "CPU_PORT=510",
        ];
        let expected: Vec<Define> = expected
            .iter()
            .map(|text| Define::Define((*text).to_owned()))
            .collect();
        assert_eq!(run(text), Ok(expected));
        assert_eq!(run(""), Ok(Vec::new()));
    }

    #[test]
    fn a_bad_profile_is_an_error_that_says_where() {
        let error = run("[sizes]\nilm = \"many\"\n").unwrap_err();
        assert!(
            error.contains("x.toml") && error.contains("line 2"),
            "{error}"
        );
        assert!(run("[sizes]\nilm = -1\n").is_err());
        let error = run("[sizes]\n\"a-b\" = 1\n").unwrap_err();
        assert!(error.contains("`a-b`"), "{error}");
        let missing = load(Path::new("/nonexistent/x.toml")).unwrap_err();
        assert!(missing.to_string().contains("/nonexistent/x.toml"));
    }
}
