//! The picture of packets' ways as SVG.

use std::fmt::Write as _;

use super::path::PacketPath;

/// Lengths in pixels.
const MARGIN: usize = 20;
const NODE_WIDTH: usize = 60;
const LINK_WIDTH: usize = 120;
const ROW: usize = 22;
const BOX_WIDTH: usize = 104;
const TITLE: usize = 30;

/// Draws the paths one below the other.
pub(crate) fn draw(paths: &[PacketPath]) -> String {
    let width =
        |path: &PacketPath| 2 * MARGIN + path.links.len() * (NODE_WIDTH + LINK_WIDTH) + NODE_WIDTH;
    let height = |path: &PacketPath| TITLE + 40 + (deepest(path) + 1) * ROW + MARGIN;
    let total_width = paths.iter().map(width).max().unwrap_or(0);
    let total_height = MARGIN + paths.iter().map(height).sum::<usize>();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{total_width}\" height=\"{total_height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    let mut top = MARGIN;
    for path in paths {
        draw_path(&mut svg, path, top);
        top += height(path);
    }
    svg.push_str("</svg>\n");
    svg
}

fn deepest(path: &PacketPath) -> usize {
    path.links
        .iter()
        .map(|link| link.labels.len())
        .max()
        .unwrap_or(0)
}

fn draw_path(svg: &mut String, path: &PacketPath, top: usize) {
    text(svg, MARGIN, top + 14, "start", &path.packet);
    let line = top + TITLE + 16;
    for (index, node) in path.nodes().iter().enumerate() {
        let left = MARGIN + index * (NODE_WIDTH + LINK_WIDTH);
        let _ = writeln!(
            svg,
            "<rect x=\"{left}\" y=\"{}\" width=\"{NODE_WIDTH}\" height=\"32\" rx=\"6\" fill=\"#e8eef7\" stroke=\"#345\"/>",
            line - 16
        );
        text(svg, left + NODE_WIDTH / 2, line + 5, "middle", node);
        let Some(link) = path.links.get(index) else {
            continue;
        };
        let (from, to) = (left + NODE_WIDTH, left + NODE_WIDTH + LINK_WIDTH);
        let thickness = if link.labels.is_empty() { 1 } else { 3 };
        let _ = writeln!(
            svg,
            "<path d=\"M{from} {line} H{} m-8 -5 l8 5 l-8 5\" fill=\"none\" stroke=\"#345\" stroke-width=\"{thickness}\"/>",
            to - 2
        );
        let first = line + 24 + (deepest(path) - link.labels.len()) * ROW;
        let labels = link
            .labels
            .iter()
            .map(|label| (label.label.to_string(), label.ttl, "#fde9b8"));
        let rows = labels.chain([("IP".to_owned(), link.ip_ttl, "#d9f2d9")]);
        for (row, (what, ttl, colour)) in rows.enumerate() {
            let (x, y) = (from + (LINK_WIDTH - BOX_WIDTH) / 2, first + row * ROW);
            let _ = writeln!(
                svg,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" height=\"{ROW}\" fill=\"{colour}\" stroke=\"#345\"/>"
            );
            text(svg, x + 6, y + 15, "start", &what);
            text(svg, x + BOX_WIDTH - 6, y + 15, "end", &format!("ttl {ttl}"));
        }
    }
}

/// Names and addresses hold no character that means something in XML: the topology's checks and
/// the address formats see to it.
fn text(svg: &mut String, x: usize, y: usize, anchor: &str, words: &str) {
    let _ = writeln!(
        svg,
        "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{words}</text>"
    );
}
