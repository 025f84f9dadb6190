//! Calculations, checksums and lists of fields.

use std::collections::{HashMap, HashSet};

use bmv2_json::{CalculationInput, FieldList as JsonFieldList, HexString, Value};

use super::error::{At, LoadError};
use super::expression::Place;
use super::{Loader, find};
use crate::number::{Number, cut, words_for};
use crate::program::{
    Algorithm, Calculation, CalculationPart, Checksum, FieldList, FieldListElement,
};

impl Loader<'_> {
    pub(super) fn load_calculations(&self) -> Result<Vec<Calculation>, LoadError> {
        let mut names = HashSet::new();
        let mut calculations = Vec::new();
        for (i, calculation) in self.document.calculations.iter().enumerate() {
            let at = At::root("calculations").index(i);
            if !names.insert(&calculation.name) {
                return Err(at.duplicate("calculation", &calculation.name));
            }
            let mut input = Vec::new();
            let mut payload = false;
            for (j, part) in calculation.input.iter().enumerate() {
                let at = at.key("input").index(j);
                if payload {
                    return Err(at.unsupported("input after the payload"));
                }
                input.push(match part {
                    CalculationInput::Field { value } => {
                        CalculationPart::Field(self.names.field(value, &at)?)
                    }
                    CalculationInput::Hexstr { value, bitwidth } => {
                        constant_part(value, *bitwidth, &at)?
                    }
                    CalculationInput::Header { value } => {
                        CalculationPart::Header(self.names.header_by_name(value, &at)?)
                    }
                    CalculationInput::Payload { .. } => {
                        payload = true;
                        continue;
                    }
                });
            }
            calculations.push(Calculation {
                name: calculation.name.clone(),
                algorithm: algorithm(&calculation.algo, &at.key("algo"))?,
                input,
                payload,
            });
        }
        Ok(calculations)
    }

    pub(super) fn calculation(&self, name: &str, at: &At) -> Result<u32, LoadError> {
        find(&self.calculations, |calculation| calculation.name == name)
            .ok_or_else(|| at.missing("calculation", name))
    }

    pub(super) fn checksums(&self) -> Result<Vec<Checksum>, LoadError> {
        let mut checksums = Vec::new();
        for (i, checksum) in self.document.checksums.iter().enumerate() {
            let at = At::root("checksums").index(i);
            if checksum.checksum_type != "generic" {
                return Err(at
                    .key("type")
                    .unsupported(format!("a checksum of type `{}`", checksum.checksum_type)));
            }
            let target = self.names.target(&checksum.target, &at.key("target"))?;
            if target.width > 64 || target.variable {
                return Err(at
                    .key("target")
                    .unsupported("a checksum in a field of more than 64 bits"));
            }
            let condition = match &checksum.if_cond {
                None => None,
                Some(condition) => {
                    Some(self.condition(condition, Place::outside(), &at.key("if_cond"))?)
                }
            };
            checksums.push(Checksum {
                name: checksum.name.clone(),
                target,
                calculation: self.calculation(&checksum.calculation, &at.key("calculation"))?,
                verify: checksum.verify,
                update: checksum.update,
                condition,
            });
        }
        Ok(checksums)
    }

    pub(super) fn field_lists(
        &self,
        lists: &[JsonFieldList],
        key: &str,
    ) -> Result<HashMap<u64, FieldList>, LoadError> {
        let mut result = HashMap::new();
        for (i, list) in lists.iter().enumerate() {
            let at = At::root(key).index(i);
            let mut elements = Vec::new();
            for (j, element) in list.elements.iter().enumerate() {
                let at = at.key("elements").index(j);
                elements.push(match element {
                    Value::Field(field) => FieldListElement::Field(self.names.field(field, &at)?),
                    Value::Hexstr(hex) => {
                        let value = hex.to_bigint();
                        FieldListElement::Constant(value.magnitude().to_bytes_be())
                    }
                    _ => return Err(at.unsupported("what is no field and no constant, in a list")),
                });
            }
            let list_of_fields = FieldList {
                name: list.name.clone(),
                elements,
            };
            if result.insert(u64::from(list.id), list_of_fields).is_some() {
                return Err(at.key("id").duplicate("field list", list.id));
            }
        }
        Ok(result)
    }

    /// The selector of an action profile.
    pub(super) fn selector(
        &self,
        selector: &bmv2_json::Selector,
        at: &At,
    ) -> Result<crate::program::Selector, LoadError> {
        let mut input = Vec::new();
        for (i, value) in selector.input.iter().enumerate() {
            let at = at.key("input").index(i);
            input.push(match value {
                Value::Field(field) => CalculationPart::Field(self.names.field(field, &at)?),
                _ => return Err(at.unsupported("a selector input that is no field")),
            });
        }
        Ok(crate::program::Selector {
            algorithm: algorithm(&selector.algo, &at.key("algo"))?,
            input,
        })
    }
}

fn algorithm(name: &str, at: &At) -> Result<Algorithm, LoadError> {
    Algorithm::by_name(name).ok_or_else(|| at.unsupported(format!("the hash algorithm `{name}`")))
}

fn constant_part(value: &HexString, width: u32, at: &At) -> Result<CalculationPart, LoadError> {
    if width > 65_536 {
        return Err(at
            .key("bitwidth")
            .invalid("a constant can have at most 65536 bits"));
    }
    let mut words = vec![0; words_for(width)];
    value.to_bigint().to_words(&mut words);
    cut(&mut words, width);
    Ok(CalculationPart::Constant { words, width })
}
