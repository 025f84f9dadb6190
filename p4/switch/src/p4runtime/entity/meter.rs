//! Configurations and counters of meters (section 9.4).

use p4runtime_proto::p4::config::v1::meter_spec;
use p4runtime_proto::p4::v1;

use super::Result;
use super::direct::{decode_counter, encode_counter};
use crate::control::{MeterConfig, MeterCounts};
use crate::p4runtime::refusal::Refusal;

/// A meter that a client sets, with the constraints of its type (section 9.4).
pub(super) fn decode_meter(
    marker: meter_spec::Type,
    config: &v1::MeterConfig,
) -> Result<MeterConfig> {
    let field = |name: &str, value: i64| {
        u64::try_from(value)
            .map_err(|_| Refusal::invalid_argument(format!("{name} {value} is negative")))
    };
    let held = MeterConfig {
        cir: field("cir", config.cir)?,
        cburst: field("cburst", config.cburst)?,
        pir: field("pir", config.pir)?,
        pburst: field("pburst", config.pburst)?,
        eburst: field("eburst", config.eburst)?,
    };
    let single_rate = marker != meter_spec::Type::TwoRateThreeColor;
    if single_rate && (held.pir != held.cir || held.pburst != held.cburst) {
        return Err(Refusal::invalid_argument(
            "a single-rate meter needs pir equal to cir and pburst equal to cburst",
        ));
    }
    if held.eburst != 0 && marker != meter_spec::Type::SingleRateThreeColor {
        return Err(Refusal::invalid_argument(
            "eburst is for single-rate three-colour meters only",
        ));
    }
    if held.pir < held.cir {
        return Err(Refusal::invalid_argument(format!(
            "the peak rate {} is less than the committed rate {}",
            held.pir, held.cir
        )));
    }
    Ok(held)
}

/// A meter for a client; all numbers came as int64.
pub(super) fn encode_meter(config: &MeterConfig) -> v1::MeterConfig {
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    v1::MeterConfig {
        cir: number(config.cir),
        cburst: number(config.cburst),
        pir: number(config.pir),
        pburst: number(config.pburst),
        eburst: number(config.eburst),
    }
}

/// Counters of colours that a request sets. A client can only reset them (section 9.4.1); they are
/// what they were where a state is brought back.
pub(super) fn decode_counts(
    data: &v1::MeterCounterData,
    bringing_back: bool,
) -> Result<MeterCounts> {
    let decode = |data: &Option<v1::CounterData>| {
        data.as_ref().map_or(Ok(Default::default()), decode_counter)
    };
    let counts = MeterCounts {
        green: decode(&data.green)?,
        yellow: decode(&data.yellow)?,
        red: decode(&data.red)?,
    };
    if counts != MeterCounts::default() && !bringing_back {
        return Err(Refusal::invalid_argument(
            "the counters of the colours of a meter can only be set to 0",
        ));
    }
    Ok(counts)
}

/// Counters of colours for a client.
pub(super) fn encode_counts(counts: MeterCounts) -> v1::MeterCounterData {
    v1::MeterCounterData {
        green: Some(encode_counter(counts.green)),
        yellow: Some(encode_counter(counts.yellow)),
        red: Some(encode_counter(counts.red)),
    }
}
