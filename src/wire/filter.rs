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
mod encapsulation;
mod graph;
mod hosts;
mod lexer;
mod link;
mod linktype;
mod live;
mod machine;
mod number;
mod parser;
mod ports;
mod protocol;
mod special;
#[cfg(test)]
mod tests;
mod word;

use std::net::IpAddr;

pub use live::LiveProgram;
pub use machine::{Instruction, Program};

/// Why an expression is no filter, or not one for this kind of link: one sentence that names the
/// word.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FilterError(String);

impl FilterError {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

type Result<T> = std::result::Result<T, FilterError>;

/// How names in an expression are looked up.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// Addresses of a host.
    pub hosts: fn(&str) -> Vec<IpAddr>,
    /// IP protocol number and port of each service with this name.
    pub ports: fn(&str) -> Vec<(u8, u16)>,
}

impl Names {
    /// Knows no name.
    pub const NONE: Self = Self { hosts: |_| Vec::new(), ports: |_| Vec::new() };
}

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
