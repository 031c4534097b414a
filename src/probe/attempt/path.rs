//! An attempt at a stream socket of this host, by its path.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use super::super::conversation::Line;
use super::super::farewell;
use super::super::fault::Scene;
use super::super::pipe::Pipe;
use super::super::plan::{self, Known};
use super::super::progress::Waterfall;
use super::super::transport::unix;
use super::super::verdict::{self, PathKind};
use super::{Attempt, Tried, is_reset};
use crate::model::probe::{Detail, StageName, Verdict};
use crate::sys::files;

impl Attempt<'_> {
    /// Tries a connection to the socket at `path`.
    pub(in crate::probe) async fn path(&self, path: &str, waterfall: &mut Waterfall<'_>) -> Tried {
        waterfall.begin(StageName::Connect).await;
        let (made, took) = unix::connect(path, self.settings.connect_timeout()).await;
        let detail = Detail::Connect(Box::default());
        waterfall.end(made.is_ok(), took, detail).await;
        let verdict = match made {
            Err(error) => verdict::unix_failure(&error, path, kind_of(path), took),
            Ok(stream) => {
                let pipe = Pipe::plain(stream, Vec::new());
                self.talk_by_path(pipe, path, took, waterfall).await
            }
        };
        Tried { verdict, connected: true, health: None }
    }

    async fn talk_by_path(
        &self,
        pipe: Pipe,
        path: &str,
        rtt: Duration,
        waterfall: &mut Waterfall<'_>,
    ) -> Verdict {
        // Only for what has no address of its own.
        let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let mut scene = Scene::new(nowhere, self.settings);
        scene.path = Some(path.to_owned());
        let known = Known { rtt, ..Known::default() };
        let exchange = plan::exchange(self.target, self.settings, known);
        let started = Instant::now();
        let mut line = Line::Stream(pipe);
        let talked = self.converse(&mut line, &exchange, None, &mut scene, waterfall).await;
        let waited = started.elapsed();
        let talked = match talked {
            Ok(talked) => talked,
            Err(fault) => return verdict::of(&fault, &scene),
        };
        let ending = match line {
            Line::Stream(pipe) if !is_reset(&talked) => {
                let leave = self.leave(&talked, &exchange);
                Some(farewell::close(pipe, leave, rtt, self.settings, waterfall).await)
            }
            _ => None,
        };
        self.judge(&talked, ending, (rtt, waited), &exchange, &scene)
    }
}

/// What stands at a path; an abstract name is no file.
fn kind_of(path: &str) -> PathKind {
    match files::look_at(Path::new(path)) {
        _ if path.starts_with('@') => PathKind::Abstract,
        Ok(look) if !look.is_socket => PathKind::NoSocket,
        Ok(_) | Err(_) => PathKind::Socket,
    }
}
