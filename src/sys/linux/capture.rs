//! Packet capture by AF_PACKET (packet(7)): with a TPACKET_V3 ring
//! (Documentation/networking/packet_mmap.rst of the kernel), or packet by packet where there can
//! be none.

mod filter;
mod plain;
mod ring;
mod socket;
mod tag;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::netdevice;

use super::netns::Namespace;
use crate::sys::capture::{Backend, CaptureOptions, CaptureStatistics, Captured, Drained};
use crate::sys::error::{Error, Result};
use plain::Plain;
use ring::Ring;

/// A running capture.
#[derive(Debug)]
pub struct Capture {
    // Declared first: a mapping goes before the socket that it belongs to.
    source: Source,
    socket: OwnedFd,
    interfaces: Vec<u32>,
    statistics: CaptureStatistics,
    handed_over: u64,
    last_packets: Duration,
    fallback: Option<String>,
}

/// Where packets come from.
#[derive(Debug)]
enum Source {
    Ring(Ring),
    Plain(Plain),
}

impl Capture {
    /// Starts to capture. Needs CAP_NET_RAW in the user namespace that owns the network
    /// namespace.
    pub fn open(options: &CaptureOptions, netns: Option<&Namespace>) -> Result<Self> {
        match netns {
            Some(namespace) => namespace.enter(|| Self::open_here(options))?,
            None => Self::open_here(options),
        }
    }

    fn open_here(options: &CaptureOptions) -> Result<Self> {
        let snap_length = options.snap_length();
        let (mut socket, interfaces) = unbound(options)?;
        let plain = |socket: &OwnedFd| {
            Plain::open(socket, snap_length, options.ring_bytes).map(Source::Plain)
        };
        let size = ring::Size::of(snap_length, options.ring_bytes);
        let mut fallback = None;
        let source = match options.backend {
            Some(Backend::Socket) => plain(&socket)?,
            wanted => match Ring::map(&socket, size, options.block_timeout()) {
                Ok(ring) => Source::Ring(ring),
                Err(error) if wanted.is_none() => {
                    fallback = Some(error.to_string());
                    // What was set up for a ring does not fit a plain socket.
                    (socket, _) = unbound(options)?;
                    plain(&socket)?
                }
                Err(error) => return Err(error),
            },
        };
        if options.promiscuous {
            for index in &interfaces {
                socket::add_promiscuous(&socket, *index)?;
            }
        }
        let only = if let [only] = interfaces[..] { only } else { 0 };
        socket::bind(&socket, only)?;
        Ok(Self {
            source,
            socket,
            interfaces,
            statistics: CaptureStatistics::default(),
            handed_over: 0,
            last_packets: 4 * options.block_timeout(),
            fallback,
        })
    }

    /// How it captures.
    pub fn backend(&self) -> Backend {
        match self.source {
            Source::Ring(_) => Backend::Ring,
            Source::Plain(_) => Backend::Socket,
        }
    }

    /// Why it does not capture in the fastest way, where it was free to.
    pub fn fallback(&self) -> Option<&str> {
        self.fallback.as_deref()
    }

    /// Hands over the packets that wait, waiting for some at most `timeout`. Takes at most one
    /// round of the ring, so that it returns under any load.
    pub fn drain(
        &mut self,
        timeout: Duration,
        mut each: impl FnMut(&Captured<'_>) -> ControlFlow<()>,
    ) -> Result<Drained> {
        if !matches!(&self.source, Source::Ring(ring) if ring.is_ready()) {
            self.wait(timeout)?;
        }
        let mut taken = 0;
        let taking = |captured: &Captured<'_>| {
            taken += 1;
            each(captured)
        };
        let flow = match &mut self.source {
            Source::Ring(ring) => ring.take_round(taking),
            Source::Plain(plain) => plain.take(&self.socket, taking)?,
        };
        self.handed_over += taken;
        Ok(match flow {
            None => Drained::None,
            Some(ControlFlow::Continue(())) => Drained::Some,
            Some(ControlFlow::Break(())) => Drained::Stopped,
        })
    }

    /// Takes no more packets, and hands over those that came before.
    pub fn finish(&mut self, mut each: impl FnMut(&Captured<'_>) -> ControlFlow<()>) -> Result<()> {
        socket::attach(&self.socket, &filter::nothing())?;
        let deadline = Instant::now() + self.last_packets;
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

/// A packet socket that receives nothing yet, with its filter, and the interfaces that it is for.
fn unbound(options: &CaptureOptions) -> Result<(OwnedFd, Vec<u32>)> {
    let socket = socket::open()?;
    let interfaces = options.interfaces.iter().map(|name| index_of(&socket, name));
    let interfaces = interfaces.collect::<Result<Vec<u32>>>()?;
    // Nothing arrives before the socket is bound, so filter and ring miss nothing.
    let program = filter::program(&interfaces, options.snap_length(), options.filter.as_ref())?;
    socket::attach(&socket, &program)?;
    Ok((socket, interfaces))
}

fn index_of(socket: &impl AsFd, name: &str) -> Result<u32> {
    netdevice::name_to_index(socket, name).map_err(|error| match error {
        Errno::NODEV => Error::Gone { what: format!("the interface {name}") },
        error => Error::os(format!("look up the interface {name}"), error),
    })
}
