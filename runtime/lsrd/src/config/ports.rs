//! The checks of `[[port]]`.

use std::collections::BTreeMap;

use super::interfaces::Interfaces;
use super::problem::{Problems, Span};
use super::section::Section;

/// Reads all `[[port]]`: the network interface of this host on which a port of the switch is. Its
/// carrier tells whether the port is up.
pub(super) fn read(
    root: &mut Section<'_, '_>,
    interfaces: &Interfaces,
    problems: &mut Problems,
) -> BTreeMap<u16, String> {
    let mut links: BTreeMap<u16, (String, Span)> = BTreeMap::new();
    for mut section in root.tables("port", "[[port]]", problems) {
        let port = interfaces.port_number(&mut section, problems);
        let link = section.need_text("link", "link = \"eth1\"", problems);
        section.finish(problems);
        let (Some(port), Some(link)) = (port, link) else {
            continue;
        };
        let number = port.value as u16;
        if let Some((_, earlier)) = links.get(&number) {
            problems.add_conflict(
                &port.span,
                earlier,
                format!("port {number} has two links"),
                ("again here", "first here"),
                "a port of the switch is one link",
            );
            continue;
        }
        links.insert(number, (link.value.to_owned(), port.span));
    }
    links
        .into_iter()
        .map(|(port, (link, _))| (port, link))
        .collect()
}
