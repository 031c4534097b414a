//! The way to an open line, on which somebody else does the talking.

use std::net::SocketAddr;

use super::super::conversation::Line;
use super::super::fault::{Fault, Scene};
use super::super::plan;
use super::super::progress::Waterfall;
use super::super::transport::tcp::Connection;
use super::super::transport::udp;
use super::super::verdict;
use super::Attempt;
use crate::model::probe::Verdict;
use crate::probe::Carrier;

impl Attempt<'_> {
    /// An open line to `address`, or why there is none.
    pub(in crate::probe) async fn line(
        &self,
        address: SocketAddr,
        waterfall: &mut Waterfall<'_>,
    ) -> Result<Line, Verdict> {
        waterfall.aim(address);
        let mut scene = Scene::new(address, self.settings);
        let line = match self.target.protocol().carrier() {
            Carrier::Udp | Carrier::Icmp => self.datagram_line(&mut scene, waterfall).await,
            Carrier::Tcp | Carrier::Tls | Carrier::Unix => {
                self.stream_line(&mut scene, waterfall).await
            }
        };
        line.map_err(|fault| verdict::of(&fault, &scene))
    }

    async fn stream_line(
        &self,
        scene: &mut Scene,
        waterfall: &mut Waterfall<'_>,
    ) -> Result<Line, Fault> {
        let (connection, _) = self.way(scene, waterfall).await?;
        let stream = match connection {
            Connection::Open(stream) => stream,
            Connection::Broken(error) => return Err(Fault::Broken(error)),
        };
        let offer = plan::offer(self.target, self.settings);
        self.open(stream, offer.as_ref(), scene, waterfall).await.map(Line::Stream)
    }

    async fn datagram_line(
        &self,
        scene: &mut Scene,
        waterfall: &mut Waterfall<'_>,
    ) -> Result<Line, Fault> {
        scene.is_udp = true;
        self.route(scene, waterfall).await?;
        udp::open(scene.address, &self.settings.outfit).map(Line::Datagrams).map_err(Fault::Here)
    }
}
