//! A plot of convergence times, as SVG.

use std::fmt::Write as _;

use crate::report::{Convergence, by_cause};

const ROW: f64 = 26.0;
const LEFT: f64 = 190.0;
const WIDTH: f64 = 640.0;
const TOP: f64 = 54.0;

/// From a hundredth of a second to 1000 s.
const DECADES: [f64; 6] = [0.01, 0.1, 1.0, 10.0, 100.0, 1000.0];

fn x(seconds: f64) -> f64 {
    let decades = (seconds.clamp(0.01, 1000.0) / 0.01).log10();
    LEFT + decades / 5.0 * WIDTH
}

/// How long it took until all was well, by cause: a dot for each time, a bar at the median.
pub fn svg(convergences: &[Convergence], title: &str) -> String {
    let causes = by_cause(convergences);
    let height = TOP + ROW * causes.len() as f64 + 40.0;
    let width = LEFT + WIDTH + 40.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"16\" y=\"22\" font-size=\"15\">{}</text>\n\
         <text x=\"16\" y=\"40\" fill=\"#555\">seconds until every pair has its LSPs again; the bar is the median</text>\n",
        escape(title)
    );
    let bottom = height - 28.0;
    for decade in DECADES {
        let x = x(decade);
        // Writing to a string does not fail.
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\" stroke=\"#ddd\"/>\n\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{decade}</text>",
            bottom + 16.0
        );
    }
    for (row, (cause, times)) in causes.iter().enumerate() {
        let y = TOP + ROW * (row as f64 + 0.5);
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{} ({})</text>",
            LEFT - 10.0,
            y + 4.0,
            escape(cause),
            times.len()
        );
        for time in times {
            let _ = writeln!(
                svg,
                "<circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"#26c\" fill-opacity=\"0.35\"/>",
                x(*time)
            );
        }
        if let Some(median) = times.get(times.len() / 2) {
            let x = x(*median);
            let _ = writeln!(
                svg,
                "<line x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{:.1}\" stroke=\"#c33\" stroke-width=\"2\"/>",
                y - 9.0,
                y + 9.0
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plot_has_a_dot_for_each_time_and_a_bar_for_each_cause() {
        let of = |after, seconds| Convergence { after, seconds };
        let times = [of("cut", 0.5), of("cut", 2.0), of("pause", 30.0)];
        let svg = svg(&times, "seeds 1 < 3");
        assert_eq!(svg.matches("<circle").count(), 3);
        assert_eq!(svg.matches("stroke=\"#c33\"").count(), 2);
        assert!(svg.contains("seeds 1 &lt; 3"));
        assert!(x(0.01) < x(1.0) && x(1.0) < x(5000.0) && x(5000.0) == x(1000.0));
    }
}
