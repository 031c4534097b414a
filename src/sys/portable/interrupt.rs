//! Ctrl-C, for commands that end with a summary.

use std::future::{Future, poll_fn};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::thread;

/// Remembers whether Ctrl-C was pressed. From its making on, Ctrl-C no longer ends the program.
#[derive(Clone, Debug)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens for Ctrl-C on a thread of its own.
    pub fn listen() -> io::Result<Self> {
        let pressed = Arc::new(AtomicBool::new(false));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let mut signal = Box::pin(tokio::signal::ctrl_c());
        // The first look at it registers it: before this returns, so that no press is missed.
        let first = poll_fn(|context| Poll::Ready(signal.as_mut().poll(context)));
        if let Poll::Ready(Err(error)) = runtime.block_on(first) {
            return Err(error);
        }
        let flag = Arc::clone(&pressed);
        thread::Builder::new().name("interrupt".to_owned()).spawn(move || {
            if runtime.block_on(signal).is_ok() {
                flag.store(true, Ordering::Relaxed);
            }
        })?;
        Ok(Self(pressed))
    }

    /// Whether Ctrl-C was pressed.
    pub fn is_pressed(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
