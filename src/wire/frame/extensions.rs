//! From an IP header down to the transport header: IPv6's extension headers (RFC 8200, 4), and the
//! authentication header of both versions (RFC 4302).

use etherparse::{
    IpAuthHeaderSlice, IpNumber, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice,
    ip_number,
};

use super::summary::Layers;

/// The way from the IP header down to the transport header.
pub(super) struct Walk<'a> {
    pub(super) layers: Layers,
    pub(super) protocol: IpNumber,
    pub(super) rest: Option<&'a [u8]>,
    pub(super) fragment: Option<u32>,
    pub(super) later_fragment: bool,
    pub(super) truncated: bool,
}

impl<'a> Walk<'a> {
    #[inline]
    pub(super) fn new(layers: Layers, protocol: IpNumber, rest: Option<&'a [u8]>) -> Self {
        Self { layers, protocol, rest, fragment: None, later_fragment: false, truncated: false }
    }

    /// Passes IPv6 extension headers, each of which takes eight bytes or more, so that the walk
    /// ends. One that is cut leaves its own number as the protocol.
    #[inline]
    pub(super) fn extensions(&mut self) {
        loop {
            let passed = match self.protocol {
                ip_number::IPV6_HOP_BY_HOP => self.options(Layers::HOP_BY_HOP),
                ip_number::IPV6_ROUTE => self.options(Layers::ROUTING),
                ip_number::IPV6_DEST_OPTIONS => self.options(Layers::DESTINATION_OPTIONS),
                ip_number::IPV6_FRAG => self.fragment(),
                ip_number::AUTH => self.authentication(),
                _ => false,
            };
            // What follows a later fragment's header is the middle of something.
            if !passed || self.later_fragment {
                return;
            }
        }
    }

    fn options(&mut self, layer: Layers) -> bool {
        self.layers.insert(layer);
        let rest = self.rest.unwrap_or_default();
        match Ipv6RawExtHeaderSlice::from_slice(rest) {
            Ok(header) => self.pass(header.next_header(), header.slice().len()),
            Err(_) => self.cut(),
        }
    }

    fn fragment(&mut self) -> bool {
        let rest = self.rest.unwrap_or_default();
        match Ipv6FragmentHeaderSlice::from_slice(rest) {
            Ok(header) => {
                // An "atomic" fragment is whole (RFC 6946).
                if header.is_fragmenting_payload() {
                    self.layers.insert(Layers::FRAGMENT);
                    self.fragment = Some(header.identification());
                }
                self.later_fragment = header.fragment_offset().value() > 0;
                self.pass(header.next_header(), header.slice().len())
            }
            Err(_) => self.cut(),
        }
    }

    pub(super) fn authentication(&mut self) -> bool {
        self.layers.insert(Layers::AUTHENTICATION);
        let rest = self.rest.unwrap_or_default();
        match IpAuthHeaderSlice::from_slice(rest) {
            Ok(header) => self.pass(header.next_header(), header.slice().len()),
            Err(_) => self.cut(),
        }
    }

    fn pass(&mut self, next: IpNumber, length: usize) -> bool {
        self.protocol = next;
        self.rest = self.rest.and_then(|rest| rest.get(length..));
        true
    }

    fn cut(&mut self) -> bool {
        self.truncated = true;
        self.rest = None;
        false
    }
}

/// The protocol behind an IPv6 header and its extension headers.
pub(super) fn protocol_v6(header: &Ipv6HeaderSlice<'_>, rest: &[u8]) -> u8 {
    let mut walk = Walk::new(Layers::NONE, header.next_header(), Some(rest));
    walk.extensions();
    walk.protocol.0
}
