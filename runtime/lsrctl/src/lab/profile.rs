//! The hardware profile's numbers as macros on a command line, for p4c: p4-compiler reads the
//! profile itself.

use std::path::Path;

use super::error::LabError;

/// `-DILM_SIZE=1024` and so on: `sizes.x` is `X_SIZE`, `depths.x` is `X_DEPTH`, `ports.x` is
/// `X_PORT`.
pub(super) fn macros(profile: &Path) -> Result<Vec<String>, LabError> {
    let error = |source| LabError::File {
        action: "reading the hardware profile",
        path: profile.to_owned(),
        source,
    };
    let text = std::fs::read_to_string(profile).map_err(error)?;
    let table: toml::Table = text
        .parse()
        .map_err(|fault: toml::de::Error| error(std::io::Error::other(fault.to_string())))?;
    let mut macros = Vec::new();
    for (section, suffix) in [("sizes", "SIZE"), ("depths", "DEPTH"), ("ports", "PORT")] {
        let Some(entries) = table.get(section).and_then(toml::Value::as_table) else {
            continue;
        };
        for (key, value) in entries {
            if let Some(number) = value.as_integer() {
                let key = key.to_uppercase().replace('-', "_");
                macros.push(format!("-D{key}_{suffix}={number}"));
            }
        }
    }
    Ok(macros)
}
