//! Statements of STF.

use super::expect::Pattern;

/// A statement that a switch obeys. Those that only ask (`register_read`, `mirroring_get`,
/// `meter_get_rates`) and `wait` have nothing to be held against and are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Statement {
    /// `add TABLE [PRIORITY] KEY:VALUE... ACTION(NAME:VALUE, ...)`. The entry with the largest
    /// priority wins.
    Add {
        table: String,
        priority: u32,
        keys: Vec<(String, String)>,
        action: Action,
    },
    /// `setdefault TABLE ACTION(...)`.
    SetDefault { table: String, action: Action },
    /// `packet PORT BYTES`.
    Packet { port: u32, bytes: Vec<u8> },
    /// `expect PORT [BYTES]`; without bytes any packets, also none, are fine.
    Expect { port: u32, pattern: Option<Pattern> },
    /// `mc_mgrp_create GROUP`.
    CreateGroup(u16),
    /// `mc_node_create INSTANCE PORT...`; nodes are numbered in their order from 0.
    CreateNode { instance: u16, ports: Vec<u32> },
    /// `mc_node_associate GROUP NODE`.
    AssociateNode { group: u16, node: usize },
    /// `mirroring_add SESSION PORT`.
    Mirror { session: u32, port: u32 },
    /// `mirroring_add_mc SESSION GROUP`.
    MirrorToGroup { session: u32, group: u16 },
    /// `register_write ARRAY INDEX VALUE`.
    WriteRegister {
        array: String,
        index: usize,
        value: Vec<u8>,
    },
    /// `register_reset ARRAY`.
    ResetRegisters(String),
    /// `meter_set_rates ARRAY INDEX RATE:BURST RATE:BURST`, or `meter_array_set_rates` for all.
    SetMeter {
        array: String,
        index: Option<usize>,
        /// Committed and peak rate in units a second, and burst in units.
        rates: [(u64, u64); 2],
    },
}

/// An action with its arguments by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Action {
    pub(super) name: String,
    pub(super) arguments: Vec<(String, Vec<u8>)>,
}

/// The statement in a line; `None` if there is none to obey.
pub(super) fn statement(line: &str) -> Result<Option<Statement>, String> {
    let line = line.split('#').next().unwrap_or_default().trim();
    let (keyword, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let mut words = rest.split_whitespace();
    let mut word = || words.next().ok_or("there is a word missing");
    let statement = match keyword.to_ascii_lowercase().as_str() {
        "" | "wait" | "register_read" | "mirroring_get" | "meter_get_rates" => return Ok(None),
        "add" => add(rest)?,
        "setdefault" => {
            let (table, action) = rest
                .split_once(char::is_whitespace)
                .ok_or("there is no action")?;
            Statement::SetDefault {
                table: table.to_owned(),
                action: call(action)?,
            }
        }
        "packet" => Statement::Packet {
            port: decimal(word()?)?,
            bytes: bytes(&words.collect::<String>())?,
        },
        "expect" => {
            let port = decimal(word()?)?;
            let text: String = words.collect();
            let pattern = match text.as_str() {
                "" => None,
                text => Some(Pattern::new(text)?),
            };
            Statement::Expect { port, pattern }
        }
        "mc_mgrp_create" => Statement::CreateGroup(decimal(word()?)?),
        "mc_node_create" => Statement::CreateNode {
            instance: decimal(word()?)?,
            ports: words.map(decimal).collect::<Result<_, _>>()?,
        },
        "mc_node_associate" => Statement::AssociateNode {
            group: decimal(word()?)?,
            node: decimal(word()?)?,
        },
        "mirroring_add" => Statement::Mirror {
            session: decimal(word()?)?,
            port: decimal(word()?)?,
        },
        "mirroring_add_mc" => Statement::MirrorToGroup {
            session: decimal(word()?)?,
            group: decimal(word()?)?,
        },
        "register_write" => Statement::WriteRegister {
            array: word()?.to_owned(),
            index: decimal(word()?)?,
            value: number(word()?)?,
        },
        "register_reset" => Statement::ResetRegisters(word()?.to_owned()),
        "meter_set_rates" => Statement::SetMeter {
            array: word()?.to_owned(),
            index: Some(decimal(word()?)?),
            rates: [rate(word()?)?, rate(word()?)?],
        },
        "meter_array_set_rates" => Statement::SetMeter {
            array: word()?.to_owned(),
            index: None,
            rates: [rate(word()?)?, rate(word()?)?],
        },
        other => return Err(format!("`{other}` is not supported")),
    };
    Ok(Some(statement))
}

fn add(rest: &str) -> Result<Statement, String> {
    // Blanks may stand between the arguments of the action.
    let open = rest.find('(').ok_or("there is no action")?;
    let start = rest[..open]
        .trim_end()
        .rfind(char::is_whitespace)
        .ok_or("there is no action")?;
    let action = call(&rest[start..])?;
    let mut words = rest[..start].split_whitespace().peekable();
    let table = words.next().ok_or("there is no table")?.to_owned();
    let mut priority = 0;
    if let Some(Ok(number)) = words.peek().map(|word| word.parse()) {
        priority = number;
        words.next();
    }
    let keys = words
        .map(|word| match word.split_once(':') {
            Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
            None => Err(format!("`{word}` has no value")),
        })
        .collect::<Result<_, _>>()?;
    Ok(Statement::Add {
        table,
        priority,
        keys,
        action,
    })
}

/// `ACTION(NAME:VALUE, ...)`
fn call(text: &str) -> Result<Action, String> {
    let (name, arguments) = text.split_once('(').ok_or("the action has no arguments")?;
    let (arguments, _) = arguments
        .split_once(')')
        .ok_or("the arguments do not end in `)`")?;
    let arguments = arguments
        .split(',')
        .filter(|argument| !argument.trim().is_empty())
        .map(|argument| match argument.split_once(':') {
            Some((name, value)) => Ok((name.trim().to_owned(), number(value.trim())?)),
            None => Err(format!("`{argument}` has no value")),
        })
        .collect::<Result<_, _>>()?;
    Ok(Action {
        name: name.trim().to_owned(),
        arguments,
    })
}

fn decimal<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not a number that fits here"))
}

/// `RATE:BURST`, the rate in units a microsecond.
fn rate(text: &str) -> Result<(u64, u64), String> {
    let (rate, burst) = text
        .split_once(':')
        .ok_or_else(|| format!("`{text}` has no burst"))?;
    let rate: f64 = decimal(rate)?;
    // Rates are small and positive; the cast cuts the fraction.
    Ok(((rate * 1e6).round() as u64, decimal(burst)?))
}

fn bytes(hex: &str) -> Result<Vec<u8>, String> {
    if !hex.is_ascii() || !hex.len().is_multiple_of(2) {
        return Err("the packet does not consist of whole bytes".to_owned());
    }
    (0..hex.len())
        .step_by(2)
        .map(|at| {
            u8::from_str_radix(&hex[at..at + 2], 16)
                .map_err(|_| format!("`{}` is no byte", &hex[at..at + 2]))
        })
        .collect()
}

/// The bits that a digit of a number stands for, and its digits.
pub(super) fn radix(text: &str) -> Option<(u32, &str)> {
    let (prefix, digits) = text.split_at_checked(2)?;
    match prefix {
        "0x" | "0X" => Some((4, digits)),
        "0b" | "0B" => Some((1, digits)),
        "0o" | "0O" => Some((3, digits)),
        _ => None,
    }
}

/// A number as a byte string.
pub(super) fn number(text: &str) -> Result<Vec<u8>, String> {
    let (radix, digits) = match radix(text) {
        Some((bits, digits)) => (1 << bits, digits),
        None => (10, text),
    };
    if digits.is_empty() {
        return Err(format!("`{text}` is no number"));
    }
    let mut value = vec![0u8];
    for digit in digits.chars() {
        let mut carry = digit
            .to_digit(radix)
            .ok_or_else(|| format!("`{text}` is no number"))?;
        for byte in value.iter_mut().rev() {
            let next = u32::from(*byte) * radix + carry;
            *byte = (next & 0xff) as u8;
            carry = next >> 8;
        }
        if carry > 0 {
            value.insert(0, carry as u8);
        }
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_keys_a_priority_and_an_action() {
        let parsed =
            statement("add ex1 110 extra$0.h:0x25** data.f2:2/8 act2(val:0x1027, p: 3) # x");
        assert_eq!(
            parsed,
            Ok(Some(Statement::Add {
                table: "ex1".to_owned(),
                priority: 110,
                keys: vec![
                    ("extra$0.h".to_owned(), "0x25**".to_owned()),
                    ("data.f2".to_owned(), "2/8".to_owned())
                ],
                action: Action {
                    name: "act2".to_owned(),
                    arguments: vec![
                        ("val".to_owned(), vec![0x10, 0x27]),
                        ("p".to_owned(), vec![3])
                    ],
                },
            }))
        );
    }

    #[test]
    fn numbers_have_any_radix_and_length() {
        assert_eq!(number("0x0123456789abcdef01").unwrap().len(), 9);
        assert_eq!(number("65536").unwrap(), [1, 0, 0]);
        assert_eq!(number("0b101").unwrap(), [5]);
        assert!(number("0x").is_err() && number("12a").is_err());
    }

    #[test]
    fn packets_are_bytes_with_blanks_anywhere() {
        let parsed = statement("packet 3 00 0102 F f");
        let bytes = vec![0, 1, 2, 0xff];
        assert_eq!(parsed, Ok(Some(Statement::Packet { port: 3, bytes })));
        assert!(statement("packet 3 001").is_err());
        assert!(statement("packet 3 zz").is_err());
    }

    #[test]
    fn what_is_unknown_is_refused_and_comments_are_nothing() {
        assert_eq!(statement("  # packet 1 00"), Ok(None));
        assert!(statement("frobnicate 1").is_err());
        assert!(statement("add t").is_err());
    }

    #[test]
    fn meter_rates_are_per_second() {
        assert_eq!(
            statement("meter_set_rates m 2 0.000005:4 0.00002:5"),
            Ok(Some(Statement::SetMeter {
                array: "m".to_owned(),
                index: Some(2),
                rates: [(5, 4), (20, 5)],
            }))
        );
    }
}
