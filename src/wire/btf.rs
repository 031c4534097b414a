//! BTF, the kernel's description of its own types.
//!
//! That of a whole kernel has more than a hundred thousand types, and a loader that reads them all
//! spends more time on that than on everything else. A program names a dozen structures; the
//! others are blanked out here.

/// `BTF_MAGIC` of linux/btf.h.
const MAGIC: u16 = 0xEB9F;

const HEADER: usize = 24;

/// Name, kind with the number of members, and size or type.
const TYPE: usize = 12;

/// `BTF_KIND_FWD`: a name that is declared and nothing more, the shortest of all types.
const FORWARD: u32 = 7;
const ENUMERATION: u32 = 6;
const FUNCTION: u32 = 12;

/// A type as it stands there.
#[derive(Clone, Copy, Debug)]
struct Type<'a> {
    kind: u32,
    name: &'a [u8],
    bytes: &'a [u8],
}

impl Type<'_> {
    /// Structures, unions and enumerations have many members; without a name they are part of
    /// another type.
    fn is_bulky(&self) -> bool {
        const BULKY: [u32; 8] = [4, 5, ENUMERATION, FUNCTION, 13, 14, 15, 19];
        BULKY.contains(&self.kind)
    }
}

/// The header, the types in the order of their numbers, and the names.
#[derive(Clone, Copy, Debug)]
struct Parts<'a> {
    types: &'a [u8],
    names: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(btf: &'a [u8]) -> Option<Self> {
        let magic = u16::from_ne_bytes(btf.get(..2)?.try_into().ok()?);
        let [after, types, types_length, names, names_length] =
            [4, 8, 12, 16, 20].map(|at| number(btf, at).map(|number| number as usize));
        let part = |offset: usize, length: usize| {
            let start = after?.checked_add(offset)?;
            btf.get(start..start.checked_add(length)?)
        };
        (magic == MAGIC).then_some(())?;
        Some(Self { types: part(types?, types_length?)?, names: part(names?, names_length?)? })
    }

    /// Every type; the first has the number 1. Ends where one is not understood.
    fn each(self) -> impl Iterator<Item = Type<'a>> {
        let mut rest = self.types;
        std::iter::from_fn(move || {
            let info = number(rest, 4)?;
            let (kind, members) = (info >> 24 & 0x1F, info as usize & 0xFFFF);
            let (bytes, after) = rest.split_at_checked(TYPE + more(kind, members))?;
            rest = after;
            Some(Type { kind, name: self.name(number(bytes, 0)?), bytes })
        })
    }

    fn name(self, at: u32) -> &'a [u8] {
        let rest = self.names.get(at as usize..).unwrap_or_default();
        rest.split(|byte| *byte == 0).next().unwrap_or_default()
    }
}

/// What follows a type of this kind.
fn more(kind: u32, members: usize) -> usize {
    match kind {
        1 | 14 | 17 => 4,
        3 => 12,
        4 | 5 | 15 | 19 => 12 * members,
        6 | 13 => 8 * members,
        _ => 0,
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// The names of its structures, without what follows `___` (a flavour of the same structure).
pub fn structures(btf: &[u8]) -> Vec<&[u8]> {
    let Some(parts) = Parts::of(btf) else { return Vec::new() };
    let named = parts.each().filter(|it| it.is_bulky() && it.kind != FUNCTION);
    let mut names: Vec<&[u8]> = named.map(|it| without_flavour(it.name)).collect();
    names.retain(|name| !name.is_empty());
    names
}

fn without_flavour(name: &[u8]) -> &[u8] {
    let end = name.windows(3).position(|three| three == b"___").unwrap_or(name.len());
    &name[..end]
}

/// The number of a function; `None` where there is none of this name, or this is no BTF.
pub fn function(btf: &[u8], name: &str) -> Option<u32> {
    let mut numbered = (1..).zip(Parts::of(btf)?.each());
    let is_it = |it: &(u32, Type<'_>)| it.1.kind == FUNCTION && it.1.name == name.as_bytes();
    numbered.find(is_it).map(|(number, _)| number)
}

/// The names and values of an enumeration; nothing where there is none of this name.
pub fn enumeration<'a>(btf: &'a [u8], name: &str) -> Vec<(&'a [u8], i32)> {
    let Some(parts) = Parts::of(btf) else { return Vec::new() };
    let is_it = |it: &Type<'_>| it.kind == ENUMERATION && it.name == name.as_bytes();
    let found = parts.each().find(is_it).map(|it| &it.bytes[TYPE..]).unwrap_or_default();
    let value = |bytes: &[u8]| Some((parts.name(number(bytes, 0)?), number(bytes, 4)? as i32));
    found.chunks_exact(8).filter_map(value).collect()
}

/// The same types by the same numbers, but of structures only those that have these names, and no
/// function. `None` for what is no BTF.
pub fn only(btf: &[u8], wanted: &[&[u8]]) -> Option<Vec<u8>> {
    let parts = Parts::of(btf)?;
    let mut types = Vec::with_capacity(parts.types.len() / 2);
    for it in parts.each() {
        if it.is_bulky() && !it.name.is_empty() && !wanted.contains(&it.name) {
            types.extend(0u32.to_ne_bytes());
            types.extend((FORWARD << 24).to_ne_bytes());
            types.extend(0u32.to_ne_bytes());
        } else {
            types.extend(it.bytes);
        }
    }
    let mut only = Vec::with_capacity(HEADER + types.len() + parts.names.len());
    only.extend(btf.get(..4)?);
    let lengths = [HEADER, 0, types.len(), types.len(), parts.names.len()];
    for length in lengths {
        only.extend(u32::try_from(length).ok()?.to_ne_bytes());
    }
    only.extend(types);
    only.extend(parts.names);
    Some(only)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[u8] = b"\0sock\0file\0int\0owner\0sock___old\0";

    fn of(types: &[u32]) -> Vec<u8> {
        let mut btf = MAGIC.to_ne_bytes().to_vec();
        btf.extend([1, 0]);
        let types: Vec<u8> = types.iter().flat_map(|number| number.to_ne_bytes()).collect();
        for length in [HEADER, 0, types.len(), types.len(), NAMES.len()] {
            btf.extend((length as u32).to_ne_bytes());
        }
        [btf, types, NAMES.to_vec()].concat()
    }

    /// `int`, `struct sock { int }`, `struct file { int }`, a nameless structure, a function.
    fn sample() -> Vec<u8> {
        let member = [11, 1, 0];
        let structure = |name| [[name, 4 << 24 | 1, 4], member].concat();
        let int = [11, 1 << 24, 4, 32].to_vec();
        let function = vec![15, 12 << 24, 0];
        of(&[int, structure(1), structure(6), structure(0), function].concat())
    }

    #[test]
    fn what_is_not_wanted_is_blank_and_keeps_its_number() {
        let only = only(&sample(), &[b"sock"]).unwrap();
        let kinds: Vec<_> =
            Parts::of(&only).unwrap().each().map(|it| (it.kind, it.name.to_vec())).collect();
        let expected: [(u32, &[u8]); 5] =
            [(1, b"int"), (4, b"sock"), (FORWARD, b""), (4, b""), (FORWARD, b"")];
        assert_eq!(kinds, expected.map(|(kind, name)| (kind, name.to_vec())));
    }

    #[test]
    fn a_function_is_found_by_its_name() {
        assert_eq!(function(&sample(), "owner"), Some(5));
        assert_eq!(function(&sample(), "sock"), None);
    }

    #[test]
    fn an_enumeration_tells_its_names_and_values() {
        let btf =
            of(&[[11, 1 << 24, 4, 32], [6, 6 << 24 | 2, 4, 1], [7, 15, u32::MAX, 0]].concat());
        let expected: [(&[u8], i32); 2] = [(b"sock", 7), (b"owner", -1)];
        assert_eq!(enumeration(&btf, "file"), expected);
        assert_eq!(enumeration(&btf, "sock"), []);
    }

    #[test]
    fn structures_are_named_without_their_flavour() {
        assert_eq!(structures(&sample()), [b"sock", b"file"]);
        let flavoured = of(&[21, 4 << 24, 0]);
        assert_eq!(structures(&flavoured), [b"sock"]);
    }

    #[test]
    fn what_is_cut_off_is_no_btf() {
        let whole = sample();
        for length in 0..whole.len() {
            assert_eq!(only(&whole[..length], &[]), None, "{length}");
        }
        assert_eq!(function(&[0; 64], "owner"), None);
    }
}
