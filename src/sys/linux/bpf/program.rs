//! From a compiled object to a program in the kernel.

use std::os::fd::OwnedFd;

use aya::{Btf, Endianness};
use aya_obj::Object;
use rustix::io::Errno;

use super::{call, permit, refused, types};
use crate::sys::error::{Error, Result};
use crate::wire::btf;

/// Room for what the verifier has to say.
const LOG: usize = 64 * 1024;

/// Loads the only program of this object, an iterator over what the kernel's `function` stands
/// for, and attaches it. `what` is what it is for, as a verb.
pub(super) fn iterator(object: &[u8], function: &str, what: &str) -> Result<OwnedFd> {
    permit(what)?;
    let types = types(what)?;
    let unknown = || Error::unsupported(what, format!("this kernel has no `{function}`"));
    let over = btf::function(&types, function).ok_or_else(unknown)?;
    let unfit = |error: &dyn std::fmt::Display| Error::unsupported(what, error.to_string());
    let mut object = Object::parse(object).map_err(|error| unfit(&error))?;
    relocate(&mut object, &types).map_err(|error| unfit(&error))?;
    let program = object.programs.iter().next();
    let found = program.and_then(|(name, program)| {
        Some((name, object.functions.get(&program.function_key())?, &program.license))
    });
    let (name, function, license) = found.ok_or_else(|| unfit(&"the object has no program"))?;
    let instructions = bytes(function);
    let load = |log: &mut [u8]| call::load_iterator(name, &instructions, license, over, log);
    let program = load(&mut []).map_err(|errno| {
        if errno != Errno::PERM {
            let mut log = vec![0; LOG];
            // It is refused again, and says why.
            let _ = load(&mut log);
            tracing::debug!("the verifier on `{name}`: {}", String::from_utf8_lossy(&log));
        }
        refused(what, errno)
    })?;
    call::link(&program).map_err(|errno| refused(what, errno))
}

/// Puts in where the fields of this kernel's structures are.
fn relocate(
    object: &mut Object,
    types: &[u8],
) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let own = object.btf.as_ref().map(Btf::to_bytes).unwrap_or_default();
    let only = btf::only(types, &btf::structures(&own)).ok_or("the kernel's types are no BTF")?;
    let kernel = Btf::parse(&only, Endianness::default())?;
    object.relocate_btf(&kernel)?;
    Ok(())
}

/// An instruction has a code, two registers in one byte, an offset and a number.
fn bytes(function: &aya_obj::Function) -> Vec<u8> {
    let each = function.instructions.iter().flat_map(|it| {
        let registers = it.dst_reg() | it.src_reg() << 4;
        let [low, high] = it.off.to_ne_bytes();
        let [a, b, c, d] = it.imm.to_ne_bytes();
        [it.code, registers, low, high, a, b, c, d]
    });
    each.collect()
}
