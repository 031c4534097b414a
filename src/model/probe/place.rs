//! Where an attempt went: `192.0.2.1:80`, and `192.0.2.1` for an echo, which goes to no port.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An address with or without a port.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Place {
    With(SocketAddr),
    Without(IpAddr),
}

pub(super) fn serialize<S: Serializer>(
    address: &Option<SocketAddr>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let place = address.map(|address| match address.port() {
        0 => Place::Without(address.ip()),
        _ => Place::With(address),
    });
    place.serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error> {
    let place: Option<Place> = Option::deserialize(deserializer)?;
    Ok(place.map(|place| match place {
        Place::With(address) => address,
        Place::Without(ip) => SocketAddr::new(ip, 0),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Held(#[serde(with = "super")] Option<SocketAddr>);

    #[test]
    fn an_echo_has_no_port_in_json() {
        for (address, json) in [
            (Some("127.0.0.1:80"), "\"127.0.0.1:80\""),
            (Some("127.0.0.1:0"), "\"127.0.0.1\""),
            (Some("[::1]:0"), "\"::1\""),
            (None, "null"),
        ] {
            let held = Held(address.map(|text| text.parse().unwrap()));
            assert_eq!(serde_json::to_string(&held).unwrap(), json);
            assert_eq!(serde_json::from_str::<Held>(json).unwrap(), held);
        }
    }
}
