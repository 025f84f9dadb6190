//! The picture of a packet's path in a terminal: the nodes in a row, and below each link the
//! label stack that was on it.

use super::packet::LabelRecord;
use super::path::{LinkCrossing, PacketPath};

/// Draws a path for a terminal of `width` columns.
pub(crate) fn draw(path: &PacketPath, width: usize) -> String {
    let row = Row::new(path);
    if row.width() <= width {
        row.draw()
    } else {
        draw_column(path)
    }
}

/// One line of a stack: a label or what is below the bottom.
fn lines(link: &LinkCrossing) -> Vec<(String, String)> {
    let labels = link
        .labels
        .iter()
        .map(|label| (label_text(label), label.ttl.to_string()));
    labels
        .chain([("IP".to_owned(), link.ip_ttl.to_string())])
        .collect()
}

fn label_text(label: &LabelRecord) -> String {
    label.label.to_string()
}

struct Row<'a> {
    nodes: Vec<&'a str>,
    stacks: Vec<Vec<(String, String)>>,
    /// Columns inside of a box.
    inner: usize,
    first_column: usize,
}

impl<'a> Row<'a> {
    fn new(path: &'a PacketPath) -> Self {
        let stacks: Vec<_> = path.links.iter().map(lines).collect();
        let widest = |pick: fn(&(String, String)) -> usize| {
            stacks.iter().flatten().map(pick).max().unwrap_or(0)
        };
        let (first_column, second) = (widest(|line| line.0.len()), widest(|line| line.1.len()));
        let nodes = path.nodes();
        Self {
            nodes,
            stacks,
            inner: first_column + 1 + second,
            first_column,
        }
    }

    /// Columns of a link, and of the box below it.
    fn link_width(&self) -> usize {
        self.inner + 4
    }

    fn width(&self) -> usize {
        let names: usize = self.nodes.iter().map(|name| name.len() + 2).sum();
        2 + names + self.stacks.len() * self.link_width()
    }

    fn draw(&self) -> String {
        let mut text = String::from(" ");
        for (index, node) in self.nodes.iter().enumerate() {
            text.push(' ');
            text.push_str(node);
            text.push(' ');
            if let Some(stack) = self.stacks.get(index) {
                let line = if stack.len() > 1 { "═" } else { "─" };
                text.push_str(&line.repeat(self.link_width() - 1));
                text.push('▶');
            }
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
        let deepest = self.stacks.iter().map(Vec::len).max().unwrap_or(0);
        // Two rows for each line of the deepest stack, and one for the lower edge.
        for row in 0..=2 * deepest {
            let mut line = String::from(" ");
            for (node, stack) in self.nodes.iter().zip(&self.stacks) {
                line.push_str(&" ".repeat(node.chars().count() + 2));
                line.push_str(&self.cell(stack, row, deepest));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// One row of a box; the boxes stand on a common ground, so that the IP packets are level.
    fn cell(&self, stack: &[(String, String)], row: usize, deepest: usize) -> String {
        let first = 2 * (deepest - stack.len());
        let Some(row) = row.checked_sub(first) else {
            return " ".repeat(self.link_width());
        };
        let edge = "─".repeat(self.inner + 2);
        if row == 0 {
            format!("┌{edge}┐")
        } else if row == 2 * stack.len() {
            format!("└{edge}┘")
        } else if row % 2 == 0 {
            format!("├{edge}┤")
        } else {
            let (what, ttl) = &stack[row / 2];
            let rest = self.inner - self.first_column;
            format!("│ {what:<0$}{ttl:>rest$} │", self.first_column)
        }
    }
}

/// For narrow terminals and long paths: one line for each link.
fn draw_column(path: &PacketPath) -> String {
    let mut text = String::new();
    for link in &path.links {
        let stack: Vec<_> = lines(link)
            .into_iter()
            .map(|(what, ttl)| format!("[{what} ttl {ttl}]"))
            .collect();
        text.push_str(&format!(
            "  {}:{} ▶ {}:{}  {}\n",
            link.from,
            link.from_interface,
            link.to,
            link.to_interface,
            stack.join(" ")
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crossing(from: &str, to: &str, labels: &[(u32, u8)], ip_ttl: u8) -> LinkCrossing {
        let last = labels.len();
        let label = |(index, (label, ttl)): (usize, &(u32, u8))| LabelRecord {
            label: *label,
            tc: 0,
            bottom_of_stack: index + 1 == last,
            ttl: *ttl,
        };
        LinkCrossing {
            from: from.into(),
            from_interface: "eth1".into(),
            to: to.into(),
            to_interface: "eth2".into(),
            microseconds: 0,
            labels: labels.iter().enumerate().map(label).collect(),
            ip_ttl,
            length: 100,
        }
    }

    fn path() -> PacketPath {
        PacketPath {
            family: "ipv4".into(),
            packet: "10.1.0.2 → 10.2.0.2, echo request 0".into(),
            links: vec![
                crossing("h1", "pe1", &[], 64),
                crossing("pe1", "p1", &[(100, 63)], 63),
                crossing("p1", "h2", &[(1_048_575, 255), (16, 62)], 63),
            ],
        }
    }

    #[test]
    fn stacks_stand_below_their_links() {
        let drawn = draw(&path(), 100);
        let rows: Vec<_> = drawn.lines().collect();
        assert_eq!(rows.len(), 8, "{drawn}");
        assert!(rows[0].starts_with("  h1 ─"), "{drawn}");
        assert!(rows[2].contains("│ 1048575 255 │"), "{drawn}");
        assert!(
            rows[4].contains("│ 100      63 │") && rows[4].contains("│ 16       62 │"),
            "{drawn}"
        );
        assert!(rows[6].matches("│ IP").count() == 3, "{drawn}");
        // Every box is exactly below its link.
        let start = rows[0]
            .chars()
            .position(|character| character == '─')
            .unwrap();
        assert_eq!(
            rows[5]
                .chars()
                .position(|character| character == '┌')
                .unwrap(),
            start
        );
    }

    #[test]
    fn a_narrow_terminal_gets_a_line_for_each_link() {
        let drawn = draw(&path(), 40);
        assert_eq!(drawn.lines().count(), 3);
        assert!(
            drawn.contains("pe1:eth1 ▶ p1:eth2  [100 ttl 63] [IP ttl 63]"),
            "{drawn}"
        );
    }
}
