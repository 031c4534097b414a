use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Serialize;

use super::append;

#[derive(Clone, Debug, Serialize)]
struct Unit;

#[derive(Debug, Serialize)]
struct Wrapped(u64);

#[derive(Debug, Serialize)]
struct Pair(i8, f64);

#[derive(Clone, Debug, Serialize)]
enum Kind {
    Unit,
    Newtype(Option<bool>),
    Tuple(i64, String),
    Struct { depth: u16, letter: char },
}

/// What a value may hold that serde knows.
#[derive(Debug, Serialize)]
struct Everything {
    text: String,
    bytes: Vec<u8>,
    kinds: Vec<Kind>,
    by_number: BTreeMap<i32, String>,
    by_name: BTreeMap<String, Wrapped>,
    by_letter: BTreeMap<char, Unit>,
    pair: Pair,
    ratio: f32,
    nothing: (),
    huge: (i128, u128),
    #[serde(skip_serializing_if = "Option::is_none")]
    absent: Option<u8>,
    at: jiff::Timestamp,
    addr: std::net::IpAddr,
    any: serde_json::Value,
    #[serde(flatten)]
    inner: BTreeMap<String, Option<u32>>,
}

fn both(value: &impl Serialize) -> (String, String) {
    let mut ours = Vec::new();
    append(&mut ours, value).unwrap();
    (String::from_utf8(ours).unwrap(), serde_json::to_string(value).unwrap())
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Unit),
        any::<Option<bool>>().prop_map(Kind::Newtype),
        any::<(i64, String)>().prop_map(|(number, text)| Kind::Tuple(number, text)),
        any::<(u16, char)>().prop_map(|(depth, letter)| Kind::Struct { depth, letter }),
    ]
}

prop_compose! {
    fn everything()(
        (text, bytes) in any::<(String, Vec<u8>)>(),
        kinds in prop::collection::vec(kind(), 0..6),
        by_number in any::<BTreeMap<i32, String>>(),
        by_name in prop::collection::btree_map(any::<String>(), any::<u64>().prop_map(Wrapped), 0..4),
        by_letter in prop::collection::btree_map(any::<char>(), Just(Unit), 0..4),
        (whole, part, ratio) in any::<(i8, f64, f32)>(),
        huge in any::<(i128, u128)>(),
        absent in any::<Option<u8>>(),
        at in any::<i32>(),
        addr in any::<std::net::IpAddr>(),
        inner in any::<BTreeMap<String, Option<u32>>>(),
    ) -> Everything {
        let any = serde_json::json!({ "list": [null, text, part], "empty": {}, "none": [] });
        Everything {
            text, bytes, kinds, by_number, by_name, by_letter,
            pair: Pair(whole, part), ratio, nothing: (), huge, absent,
            at: jiff::Timestamp::from_second(at.into()).unwrap(),
            addr, any, inner,
        }
    }
}

proptest! {
    #[test]
    fn it_is_what_serde_json_writes(value in everything()) {
        let (ours, theirs) = both(&value);
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn what_is_displayed_is_escaped_too(text in any::<String>()) {
        #[derive(Serialize)]
        struct Shown<'a>(#[serde(serialize_with = "shown")] &'a str);
        fn shown<S: serde::Serializer>(text: &&str, to: S) -> Result<S::Ok, S::Error> {
            to.collect_str(text)
        }
        let (ours, theirs) = both(&Shown(&text));
        prop_assert_eq!(ours, theirs);
    }
}

#[test]
fn a_key_that_is_no_text_is_refused_as_serde_json_does() {
    let by_nothing = BTreeMap::from([((), 1)]);
    let by_list = BTreeMap::from([(vec![1], 1)]);
    assert!(append(&mut Vec::new(), &by_nothing).is_err());
    assert!(append(&mut Vec::new(), &by_list).is_err());
    assert!(serde_json::to_string(&by_nothing).is_err());
    assert!(serde_json::to_string(&by_list).is_err());
}
