//! Filter expressions in the language of tcpdump (pcap-filter(7)): compiled to classic BPF
//! (Linux: Documentation/networking/filter.rst), for the kernel or for the interpreter here.
//!
//! The meaning is libpcap's, with its surprises: a `vlan` shifts what follows it, `tcp[13]` looks
//! at IPv4 alone, later fragments have no ports, and a look beyond a packet's end refuses it
//! whatever stands around it.

mod arithmetic;
mod ast;
mod code;
mod compile;
mod compiler;
mod cursor;
mod encapsulation;
mod error;
mod extension;
mod graph;
mod hosts;
mod lexer;
mod link;
mod linktype;
mod live;
mod machine;
mod names;
mod number;
mod parser;
mod place;
mod ports;
mod protocol;
mod special;
#[cfg(test)]
mod tests;
mod wireless;
mod word;

use error::Result;

pub use error::FilterError;
pub use live::LiveProgram;
pub use machine::{Instruction, Program};
pub use names::Names;

/// An expression that was read, to be compiled for each kind of link.
#[derive(Clone, Debug)]
pub struct Filter {
    text: String,
    /// `None` lets everything through.
    expression: Option<ast::Expression>,
}

impl Filter {
    /// Reads an expression and looks its names up.
    pub fn parse(text: &str, names: Names) -> Result<Self> {
        let expression = parser::parse(text, names)?;
        Ok(Self { text: text.trim().to_owned(), expression })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The program for frames of a capture file with this link type of the registry at
    /// <https://www.tcpdump.org/linktypes.html>.
    pub fn for_file(&self, link_type: u16) -> Result<Program> {
        let program = compile::compile(self.expression.as_ref(), link::Target::File(link_type))?;
        Ok(Program::new(program.linear()?))
    }

    /// The program for the kernel, for packet sockets of type `SOCK_RAW`.
    pub fn for_live(&self) -> Result<LiveProgram> {
        live::compile(self.expression.as_ref())
    }
}
