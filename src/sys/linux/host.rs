//! This host as any UNIX has it, and the capabilities that Linux adds.

pub use super::files::with_own_rights;
pub use super::rights::give_up_bpf;

/// From now on no program is loaded into the kernel.
pub fn forgo_bpf() {
    #[cfg(feature = "bpf")]
    super::bpf::forgo();
    give_up_bpf();
}

pub use crate::sys::unix::host::*;

/// Has the allocator give memory back. A large socket table comes and goes by the megabyte, on
/// several threads; glibc would keep an arena for each of them with most of what it freed.
pub fn keep_memory_small() {
    #[cfg(target_env = "gnu")]
    {
        const BLOCK: libc::c_int = 128 * 1024;
        let options = [
            (libc::M_ARENA_MAX, 1),
            (libc::M_MMAP_THRESHOLD, BLOCK),
            (libc::M_TRIM_THRESHOLD, BLOCK),
        ];
        for (option, value) in options {
            // SAFETY: mallopt takes no pointers. What it refuses stays as it was.
            unsafe { libc::mallopt(option, value) };
        }
    }
}
