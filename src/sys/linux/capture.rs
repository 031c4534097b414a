//! Packet capture by AF_PACKET with a TPACKET_V3 ring (packet(7),
//! Documentation/networking/packet_mmap.rst of the kernel).

mod filter;
mod ring;
mod socket;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::netdevice;

use crate::sys::capture::{CaptureOptions, CaptureStatistics, Captured, Drained};
use crate::sys::error::{Error, Result};
use ring::Ring;

/// A running capture.
#[derive(Debug)]
pub struct Capture {
    // Declared first: the mapping goes before the socket that it belongs to.
    ring: Ring,
    socket: OwnedFd,
    interfaces: Vec<u32>,
    statistics: CaptureStatistics,
    handed_over: u64,
}

/// At most this long may the last packets take until they are in the reader's hands.
const LAST_PACKETS: Duration = Duration::from_millis(4 * ring::RETIRE_MS as u64);

impl Capture {
    /// Starts to capture. Needs CAP_NET_RAW in the user namespace that owns this network
    /// namespace.
    pub fn open(options: &CaptureOptions) -> Result<Self> {
        let socket = socket::open()?;
        let interfaces = options
            .interfaces
            .iter()
            .map(|name| index_of(&socket, name))
            .collect::<Result<Vec<u32>>>()?;
        // Nothing arrives before the socket is bound, so filter and ring miss nothing.
        let snap_length = options.snap_length();
        let program = filter::program(&interfaces, snap_length, options.filter.as_ref())?;
        socket::attach(&socket, &program)?;
        let ring = Ring::map(&socket, snap_length)?;
        if options.promiscuous {
            for index in &interfaces {
                socket::add_promiscuous(&socket, *index)?;
            }
        }
        let only = if let [only] = interfaces[..] { only } else { 0 };
        socket::bind(&socket, only)?;
        let statistics = CaptureStatistics::default();
        Ok(Self { ring, socket, interfaces, statistics, handed_over: 0 })
    }

    /// Hands over the packets that are in the ring, waiting for some at most `timeout`. Takes at
    /// most one round of the ring, so that it returns under any load.
    pub fn drain(
        &mut self,
        timeout: Duration,
        mut each: impl FnMut(&Captured<'_>) -> ControlFlow<()>,
    ) -> Result<Drained> {
        if !self.ring.is_ready() {
            self.wait(timeout)?;
        }
        let mut drained = Drained::None;
        for _ in 0..ring::BLOCKS {
            let mut taken = 0;
            let taking = |captured: &Captured<'_>| {
                taken += 1;
                each(captured)
            };
            let flow = self.ring.take_block(taking);
            self.handed_over += taken;
            match flow {
                None => return Ok(drained),
                Some(ControlFlow::Continue(())) => drained = Drained::Some,
                Some(ControlFlow::Break(())) => return Ok(Drained::Stopped),
            }
        }
        Ok(drained)
    }

    /// Takes no more packets, and hands over those that came before.
    pub fn finish(&mut self, mut each: impl FnMut(&Captured<'_>) -> ControlFlow<()>) -> Result<()> {
        socket::attach(&self.socket, &filter::nothing())?;
        let deadline = Instant::now() + LAST_PACKETS;
        loop {
            let statistics = self.statistics()?;
            let owed = statistics.packets - statistics.drops;
            let left = deadline.saturating_duration_since(Instant::now());
            if self.handed_over >= owed || left.is_zero() {
                return Ok(());
            }
            if self.drain(left, &mut each)? == Drained::Stopped {
                return Ok(());
            }
        }
    }

    /// What the kernel counted since [`Capture::open`].
    pub fn statistics(&mut self) -> Result<CaptureStatistics> {
        // The kernel's numbers start again at 0 with every look at them.
        let new = socket::statistics(&self.socket)?;
        self.statistics.packets += u64::from(new.tp_packets);
        self.statistics.drops += u64::from(new.tp_drops);
        self.statistics.freezes += u64::from(new.tp_freeze_q_cnt);
        Ok(self.statistics)
    }

    /// The name of an interface; `None` when it is gone.
    pub fn interface_name(&self, index: u32) -> Option<String> {
        netdevice::index_to_name(&self.socket, index).ok()
    }

    /// Indices of the interfaces that were asked for by name.
    pub fn interfaces(&self) -> &[u32] {
        &self.interfaces
    }

    fn wait(&self, timeout: Duration) -> Result<()> {
        let timeout =
            Timespec::try_from(timeout).map_err(|_| Error::os("wait for packets", Errno::INVAL))?;
        let mut fds = [PollFd::new(&self.socket, PollFlags::IN | PollFlags::ERR)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(()),
            Err(error) => return Err(Error::os("wait for packets", error)),
        }
        if fds[0].revents().is_empty() { self.check_interfaces() } else { self.check_fault() }
    }

    /// Takes note of an error of the socket: an interface that went down comes back by itself.
    fn check_fault(&self) -> Result<()> {
        match rustix::net::sockopt::socket_error(&self.socket) {
            Ok(Ok(()) | Err(Errno::NETDOWN)) => Ok(()),
            Ok(Err(error)) | Err(error) => Err(Error::os("capture packets", error)),
        }
    }

    /// The kernel does not say when an interface that was down is removed, so look.
    fn check_interfaces(&self) -> Result<()> {
        let is_there = |index: &u32| self.interface_name(*index).is_some();
        if self.interfaces.is_empty() || self.interfaces.iter().any(is_there) {
            return Ok(());
        }
        Err(Error::Gone { what: "every captured interface".to_owned() })
    }
}

fn index_of(socket: &impl AsFd, name: &str) -> Result<u32> {
    netdevice::name_to_index(socket, name).map_err(|error| match error {
        Errno::NODEV => Error::Gone { what: format!("the interface {name}") },
        error => Error::os(format!("look up the interface {name}"), error),
    })
}
