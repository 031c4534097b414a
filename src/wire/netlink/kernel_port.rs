//! Which ports the kernel itself holds: devices that tunnel by UDP, by `RTM_GETLINK` of
//! rtnetlink(7); what has a family of its own in generic netlink (`linux/genetlink.h`) there.

use super::{DUMP, HEADER_LEN, Malformed, REQUEST, aligned, attributes, u16_at, u32_at};
use crate::model::kernel_port::{KernelPort, Use};
use crate::model::socket::Protocol;

/// `RTM_GETLINK`.
const GET_LINK: u16 = 18;
/// `sizeof(struct ifinfomsg)`.
const LINK_LEN: usize = 16;
/// `GENL_ID_CTRL`.
const CONTROL: u16 = 0x10;
/// `CTRL_CMD_GETFAMILY`.
const GET_FAMILY: u8 = 3;
/// `sizeof(struct genlmsghdr)`.
const GENERIC_LEN: usize = 4;

/// A device that may hold ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Device {
    /// A tunnel, with its ports.
    Tunnel(Vec<KernelPort>),
    /// A WireGuard device: its port is to be asked for by its name.
    WireGuard(Box<str>),
}

/// The request for all devices.
pub fn links(sequence: u32) -> Vec<u8> {
    request(GET_LINK, REQUEST | DUMP, sequence, &[0; LINK_LEN])
}

/// Reads the payload of an `RTM_NEWLINK`; `None` for a device that holds no port.
pub fn device(payload: &[u8]) -> Result<Option<Device>, Malformed> {
    let cut = Malformed { what: "a device", need: LINK_LEN, have: payload.len() };
    let mut name = None;
    let (mut kind, mut data) = (&[][..], &[][..]);
    for attribute in attributes(payload.get(LINK_LEN..).ok_or(cut)?) {
        match attribute? {
            // IFLA_IFNAME
            (3, value) => name = Some(text(value)),
            // IFLA_LINKINFO: IFLA_INFO_KIND and IFLA_INFO_DATA
            (18, value) => {
                for attribute in attributes(value) {
                    match attribute? {
                        (1, value) => kind = value,
                        (2, value) => data = value,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    let Some(name) = name else { return Ok(None) };
    // A string comes with its NUL.
    let kind = kind.split(|&byte| byte == 0).next().unwrap_or_default();
    if kind == b"wireguard" {
        return Ok(Some(Device::WireGuard(name)));
    }
    let Some((kind, ports)) = tunnel_ports(kind, data)? else { return Ok(None) };
    let port = |port| KernelPort {
        protocol: Protocol::Udp,
        port,
        r#use: Use::Tunnel(kind),
        device: Some(name.clone()),
    };
    Ok(Some(Device::Tunnel(ports.into_iter().map(port).collect())))
}

/// The kind of a tunnel and its UDP ports; those that a protocol fixes are not told.
fn tunnel_ports(kind: &[u8], data: &[u8]) -> Result<Option<(&'static str, Vec<u16>)>, Malformed> {
    let (name, told): (_, &[u16]) = match kind {
        // IFLA_VXLAN_PORT
        b"vxlan" => ("vxlan", &[15]),
        // IFLA_GENEVE_PORT
        b"geneve" => ("geneve", &[5]),
        // IFLA_BAREUDP_PORT
        b"bareudp" => ("bareudp", &[1]),
        // IFLA_AMT_RELAY_PORT, IFLA_AMT_GATEWAY_PORT
        b"amt" => ("amt", &[2, 3]),
        // GTPv0 and GTPv1-U (3GPP TS 29.060, 29.281), PFCP (29.244)
        b"gtp" => return Ok(Some(("gtp", vec![3386, 2152]))),
        b"pfcp" => return Ok(Some(("pfcp", vec![8805]))),
        _ => return Ok(None),
    };
    let mut ports = Vec::new();
    for attribute in attributes(data) {
        let (kind, value) = attribute?;
        if told.contains(&kind) {
            ports.extend(be16(value));
        }
    }
    Ok(Some((name, ports)))
}

/// A family of generic netlink whose objects hold ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `linux/fou.h`
    Fou,
    /// `linux/l2tp.h`
    L2tp,
    /// `linux/mptcp_pm.h`
    Mptcp,
    /// `linux/wireguard.h`
    WireGuard,
}

impl Family {
    /// Its name there.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fou => "fou",
            Self::L2tp => "l2tp",
            Self::Mptcp => "mptcp_pm",
            Self::WireGuard => "wireguard",
        }
    }

    /// The request for the number by which this kernel knows it.
    pub fn find(self, sequence: u32) -> Vec<u8> {
        let mut body = vec![GET_FAMILY, 1, 0, 0];
        // CTRL_ATTR_FAMILY_NAME
        push(&mut body, 2, &[self.name().as_bytes(), b"\0"].concat());
        request(CONTROL, REQUEST, sequence, &body)
    }

    /// The request for all of its objects; for WireGuard, for those of the `device`.
    pub fn list(self, number: u16, sequence: u32, device: Option<&str>) -> Vec<u8> {
        let command = match self {
            // FOU_CMD_GET, MPTCP_PM_CMD_GET_ADDR
            Self::Fou | Self::Mptcp => 3,
            // L2TP_CMD_TUNNEL_GET
            Self::L2tp => 4,
            // WG_CMD_GET_DEVICE
            Self::WireGuard => 0,
        };
        let mut body = vec![command, 1, 0, 0];
        if let Some(device) = device {
            // WGDEVICE_A_IFNAME
            push(&mut body, 2, &[device.as_bytes(), b"\0"].concat());
        }
        request(number, REQUEST | DUMP, sequence, &body)
    }

    /// The port of an object; `None` where it has none.
    pub fn port(self, payload: &[u8]) -> Result<Option<KernelPort>, Malformed> {
        let cut = Malformed { what: "genlmsghdr", need: GENERIC_LEN, have: payload.len() };
        let body = payload.get(GENERIC_LEN..).ok_or(cut)?;
        Ok(match self {
            // FOU_ATTR_PORT
            Self::Fou => be16(find(body, 1)?).map(|port| udp(port, Use::Fou, None)),
            Self::L2tp => l2tp(body)?,
            // MPTCP_PM_ATTR_ADDR
            Self::Mptcp => mptcp(find(body, 1)?)?,
            // WGDEVICE_A_LISTEN_PORT, WGDEVICE_A_IFNAME
            Self::WireGuard => {
                let name = find(body, 2)?;
                let port = u16_at(find(body, 6)?, 0).filter(|&port| port != 0);
                port.map(|port| udp(port, Use::Tunnel("wireguard"), Some(text(name))))
            }
        })
    }
}

/// The number of a family in the answer to [`Family::find`]: CTRL_ATTR_FAMILY_ID.
pub fn family_number(payload: &[u8]) -> Result<Option<u16>, Malformed> {
    let cut = Malformed { what: "genlmsghdr", need: GENERIC_LEN, have: payload.len() };
    Ok(u16_at(find(payload.get(GENERIC_LEN..).ok_or(cut)?, 1)?, 0))
}

/// L2TP_ATTR_ENCAP_TYPE (0: UDP), L2TP_ATTR_CONN_ID, L2TP_ATTR_UDP_SPORT.
fn l2tp(body: &[u8]) -> Result<Option<KernelPort>, Malformed> {
    let (by, id) = (u16_at(find(body, 2)?, 0), u32_at(find(body, 9)?, 0));
    let port = u16_at(find(body, 26)?, 0).filter(|&port| port != 0 && by == Some(0));
    Ok(port.zip(id).map(|(port, id)| udp(port, Use::L2tp(id), None)))
}

/// MPTCP_PM_ADDR_ATTR_ID, MPTCP_PM_ADDR_ATTR_PORT.
fn mptcp(body: &[u8]) -> Result<Option<KernelPort>, Malformed> {
    let id = find(body, 2)?.first().copied();
    let port = u16_at(find(body, 5)?, 0).filter(|&port| port != 0);
    let endpoint = |(port, id)| KernelPort {
        protocol: Protocol::Tcp,
        port,
        r#use: Use::MptcpEndpoint(id),
        device: None,
    };
    Ok(port.zip(id).map(endpoint))
}

fn udp(port: u16, r#use: Use, device: Option<Box<str>>) -> KernelPort {
    KernelPort { protocol: Protocol::Udp, port, r#use, device }
}

/// The value of the attribute of this type; empty where there is none.
fn find(body: &[u8], wanted: u16) -> Result<&[u8], Malformed> {
    for attribute in attributes(body) {
        let (kind, value) = attribute?;
        if kind == wanted {
            return Ok(value);
        }
    }
    Ok(&[])
}

fn be16(value: &[u8]) -> Option<u16> {
    u16_at(value, 0).map(u16::from_be)
}

/// A string with its NUL.
fn text(value: &[u8]) -> Box<str> {
    let end = value.iter().position(|&byte| byte == 0).unwrap_or(value.len());
    String::from_utf8_lossy(&value[..end]).into()
}

fn request(kind: u16, flags: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_LEN];
    bytes[0..4].copy_from_slice(&((HEADER_LEN + body.len()) as u32).to_ne_bytes());
    bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
    bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
    bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
    bytes.extend_from_slice(body);
    bytes
}

fn push(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    // No value here is longer than a name.
    bytes.extend((4 + value.len() as u16).to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(aligned(bytes.len()), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Attributes as the headers have them: type and value.
    fn list(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        attributes.iter().for_each(|(kind, value)| push(&mut bytes, *kind, value));
        bytes
    }

    fn link(name: &str, kind: &str, data: &[(u16, &[u8])]) -> Vec<u8> {
        let info = list(&[(1, format!("{kind}\0").as_bytes()), (2, &list(data))]);
        let name = format!("{name}\0");
        // Nested attributes have a flag in their type.
        [vec![0; LINK_LEN], list(&[(3, name.as_bytes()), (0x8000 | 18, &info)])].concat()
    }

    fn generic(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        [vec![0; GENERIC_LEN], list(attributes)].concat()
    }

    fn whole_or_an_error<T>(payload: &[u8], read: impl Fn(&[u8]) -> Result<T, Malformed>) {
        for end in 0..payload.len() {
            let _ = read(&payload[..end]);
        }
    }

    #[test]
    fn tunnels_tell_their_ports_and_other_devices_none() {
        let ports = |payload: &[u8]| match device(payload).unwrap() {
            Some(Device::Tunnel(ports)) => ports.iter().map(|port| port.port).collect(),
            _ => Vec::new(),
        };
        let be = |port: u16| port.to_be_bytes();
        let vxlan = link("vx0", "vxlan", &[(1, &[42, 0, 0, 0]), (15, &be(4789))]);
        assert_eq!(ports(&vxlan), [4789]);
        let Some(Device::Tunnel(told)) = device(&vxlan).unwrap() else { panic!("a tunnel") };
        assert_eq!(told[0], udp(4789, Use::Tunnel("vxlan"), Some("vx0".into())));
        assert_eq!(ports(&link("g", "geneve", &[(5, &be(6081))])), [6081]);
        assert_eq!(ports(&link("b", "bareudp", &[(1, &be(6635)), (2, &be(0x0800))])), [6635]);
        assert_eq!(ports(&link("a", "amt", &[(2, &be(2268)), (3, &be(2269))])), [2268, 2269]);
        assert_eq!(ports(&link("t", "gtp", &[])), [3386, 2152]);
        assert_eq!(device(&link("e", "veth", &[(15, &be(1))])).unwrap(), None);
        let wireguard = device(&link("wg0", "wireguard", &[])).unwrap();
        assert_eq!(wireguard, Some(Device::WireGuard("wg0".into())));
        whole_or_an_error(&vxlan, device);
    }

    #[test]
    fn objects_of_generic_netlink_tell_their_ports() {
        let fou = generic(&[(2, &[2]), (1, &5555u16.to_be_bytes())]);
        assert_eq!(Family::Fou.port(&fou).unwrap(), Some(udp(5555, Use::Fou, None)));
        let l2tp = |by: u16| {
            generic(&[
                (2, &by.to_ne_bytes()),
                (9, &7u32.to_ne_bytes()),
                (26, &1701u16.to_ne_bytes()),
            ])
        };
        assert_eq!(Family::L2tp.port(&l2tp(0)).unwrap(), Some(udp(1701, Use::L2tp(7), None)));
        assert_eq!(Family::L2tp.port(&l2tp(1)).unwrap(), None, "over IP it has no port");
        let address = list(&[(1, &2u16.to_ne_bytes()), (2, &[3]), (5, &7777u16.to_ne_bytes())]);
        let mptcp = generic(&[(0x8000 | 1, &address)]);
        let told = Family::Mptcp.port(&mptcp).unwrap().unwrap();
        assert_eq!(
            (told.protocol, told.port, told.r#use),
            (Protocol::Tcp, 7777, Use::MptcpEndpoint(3))
        );
        let wireguard = generic(&[(2, b"wg0\0"), (6, &51820u16.to_ne_bytes())]);
        let told = Family::WireGuard.port(&wireguard).unwrap().unwrap();
        assert_eq!((told.port, told.device.as_deref()), (51820, Some("wg0")));
        for (family, payload) in [
            (Family::Fou, fou),
            (Family::L2tp, l2tp(0)),
            (Family::Mptcp, mptcp),
            (Family::WireGuard, wireguard),
        ] {
            whole_or_an_error(&payload, |payload| family.port(payload));
        }
        let number = generic(&[(2, b"fou\0"), (1, &29u16.to_ne_bytes())]);
        assert_eq!(family_number(&number).unwrap(), Some(29));
    }

    #[test]
    fn requests_say_what_is_wanted() {
        let find = Family::Fou.find(7);
        assert_eq!((u32_at(&find, 0), u16_at(&find, 4)), (Some(find.len() as u32), Some(CONTROL)));
        assert_eq!(&find[HEADER_LEN..HEADER_LEN + 12], b"\x03\x01\0\0\x08\0\x02\0fou\0");
        let dump = Family::WireGuard.list(29, 7, Some("wg0"));
        assert_eq!((u16_at(&dump, 4), u16_at(&dump, 6)), (Some(29), Some(REQUEST | DUMP)));
        assert_eq!(links(7).len(), 32);
    }
}
