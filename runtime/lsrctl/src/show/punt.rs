//! `show punt`.

use comfy_table::Cell;
use northbound::v1;

use super::tables::{counts, table};
use super::words;

/// `show punt`.
pub(super) fn punt(answer: &v1::ShowPuntResponse, terminal: bool) -> String {
    let columns = [
        "Class",
        ">Priority",
        ">Rate/s",
        ">Burst",
        ">Offered packets",
        ">Offered bytes",
        ">Received packets",
        ">Received bytes",
        ">Queue full",
    ];
    let mut classes = table(&columns, terminal);
    for class in &answer.classes {
        let rate = match class.rate {
            0 => "off".to_owned(),
            rate => rate.to_string(),
        };
        let mut row = vec![
            Cell::new(&class.name),
            Cell::new(class.priority),
            Cell::new(rate),
            Cell::new(class.burst),
        ];
        row.extend(counts(class.offered.as_ref()));
        row.extend(counts(class.received.as_ref()));
        row.push(Cell::new(class.dropped));
        classes.add_row(row);
    }
    let mut text = classes.trim_fmt();
    if !answer.stacks.is_empty() {
        let mut stacks = table(&["Class", "Labels", ">Packets"], terminal);
        for stack in &answer.stacks {
            let labels = match stack.labels.is_empty() {
                true => "others".to_owned(),
                false => words::stack(&stack.labels),
            };
            stacks.add_row(vec![
                Cell::new(&stack.class),
                Cell::new(labels),
                Cell::new(stack.packets),
            ]);
        }
        text.push_str("\n\nPackets that no protocol takes, by their labels:\n");
        text.push_str(&stacks.trim_fmt());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_the_labels_that_nobody_takes_are_shown() {
        let answer = v1::ShowPuntResponse {
            classes: vec![v1::PuntClass {
                name: "ldp".into(),
                priority: 6,
                rate: 2000,
                burst: 400,
                offered: Some(v1::Counter {
                    packets: 12,
                    bytes: 1200,
                }),
                received: Some(v1::Counter {
                    packets: 11,
                    bytes: 1100,
                }),
                dropped: 1,
            }],
            stacks: vec![v1::PuntedStack {
                class: "g-ach".into(),
                labels: vec![100, 13],
                packets: 3,
            }],
        };
        let text = punt(&answer, false);
        let cells: Vec<Vec<&str>> = text
            .lines()
            .filter(|line| line.starts_with('│'))
            .map(|line| line.trim_matches('│').split('┆').map(str::trim).collect())
            .collect();
        assert_eq!(
            cells[1],
            ["ldp", "6", "2000", "400", "12", "1200", "11", "1100", "1"]
        );
        assert_eq!(cells[3][0], "g-ach");
        assert!(cells[3][1].contains("100") && cells[3][1].contains("13"));
        assert_eq!(cells[3][2], "3");
    }
}
