//! Ctrl-C and SIGTERM, for commands that end with a summary.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::signal::unix::{SignalKind, signal};

/// Remembers whether the user, or a program such as timeout(1), asked for the end. From its
/// making on, Ctrl-C and SIGTERM no longer end the program by themselves.
#[derive(Clone, Debug)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens on a thread of its own.
    pub fn listen() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        // Registered before this returns, so that no signal is missed.
        let (mut interrupt, mut terminate) = {
            let _within = runtime.enter();
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
        };
        let asked = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&asked);
        thread::Builder::new().name("interrupt".to_owned()).spawn(move || {
            // It needs none of the rights that others may give up later.
            #[cfg(target_os = "linux")]
            crate::sys::host::give_up_bpf();
            runtime.block_on(async {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            });
            flag.store(true, Ordering::Relaxed);
        })?;
        Ok(Self(asked))
    }

    /// Whether the end was asked for.
    pub fn is_pressed(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
