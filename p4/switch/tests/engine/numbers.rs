//! Arithmetic of all widths.

use num_bigint::BigUint;
use proptest::prelude::*;

use crate::support::{Bench, NUMBERS, vectors};

#[test]
fn simple_switch_computes_the_same() {
    let bench = Bench::new(NUMBERS);
    for (input, output) in vectors(include_str!("vectors/numbers.txt")) {
        assert_eq!(bench.process(&input), [(2, output)], "{input:02x?}");
    }
}

/// The inputs of `numbers.p4`.
#[derive(Debug, Clone)]
struct Inputs {
    bytes: Vec<u8>,
}

impl Inputs {
    fn number(&self, offset: usize, bytes: usize) -> BigUint {
        BigUint::from_bytes_be(&self.bytes[offset..offset + bytes])
    }
}

/// Some numbers are such as carries and signs depend on.
fn inputs() -> impl Strategy<Value = Inputs> {
    let bytes = prop_oneof![Just(0_u8), Just(0xff), Just(0x80), Just(0x7f), any::<u8>()];
    proptest::collection::vec(bytes, 103).prop_map(|bytes| Inputs { bytes })
}

fn cut(value: BigUint, bits: usize) -> BigUint {
    value % (BigUint::from(1_u8) << bits)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn results_are_those_of_infinite_precision_cut_to_the_field(inputs in inputs()) {
        let bench = Bench::new(NUMBERS);
        let out = bench.process(&inputs.bytes);
        let out = &out[0].1;
        let result = |offset: usize, bytes: usize| {
            BigUint::from_bytes_be(&out[offset..offset + bytes])
        };
        let (a, b) = (inputs.number(0, 1), inputs.number(1, 1));
        let (c, d) = (inputs.number(4, 8), inputs.number(12, 8));
        let (x, y) = (inputs.number(20, 16), inputs.number(36, 16));
        let (v, w) = (inputs.number(52, 25), inputs.number(77, 25));
        let n = usize::from(inputs.bytes[102]);
        prop_assert_eq!(result(0, 1), cut(&a + &b, 8));
        prop_assert_eq!(result(1, 1), cut(&a + 256_u32 - &b, 8));
        prop_assert_eq!(result(2, 2), &a * &b);
        prop_assert_eq!(result(4, 1), (&a + &b).min(255_u8.into()));
        prop_assert_eq!(result(10, 8), cut(&c + &d, 64));
        prop_assert_eq!(result(18, 8), cut(&c << n, 64));
        prop_assert_eq!(result(26, 1), BigUint::from(u8::from(c > d)));
        prop_assert_eq!(result(27, 16), cut(&x + &y, 128));
        prop_assert_eq!(result(43, 16), cut(&x * &y, 128));
        prop_assert_eq!(result(59, 16), cut((&x << 20_usize) | &a, 128));
        prop_assert_eq!(result(75, 1), BigUint::from(u8::from(x < y)));
        prop_assert_eq!(result(76, 25), cut(&v + &w, 200));
        prop_assert_eq!(result(101, 25), &v >> n);
        prop_assert_eq!(result(127, 2), (&a << 8_usize) | &b);
    }
}
