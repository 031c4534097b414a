//! Any text is a filter or a sentence; any program and any frame has a verdict; what is compiled
//! fits the kernel.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockpit::wire::filter::{Filter, Instruction, Names, Program};

fuzz_target!(|input: (&str, u16, Vec<(u16, u8, u8, u32)>, &[u8])| {
    let (text, link_type, instructions, bytes) = input;
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let program: Vec<Instruction> =
        instructions.into_iter().map(|(code, jt, jf, k)| Instruction { code, jt, jf, k }).collect();
    let _ = Program::from_instructions(program).matches(bytes, length);
    match Filter::parse(text, Names::NONE) {
        Ok(filter) => {
            for link_type in [link_type, 1] {
                if let Ok(program) = filter.for_file(link_type) {
                    assert!(program.instructions().len() <= 4096);
                    let _ = program.matches(bytes, length);
                }
            }
            if let Ok(program) = filter.for_live() {
                assert!(program.instructions(96).len() <= 4096);
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
