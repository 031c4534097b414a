//! A source file as tokens: the paths it names, its cfgs, its length without tests.
//!
//! Tokens rather than a syntax tree, because the inside of a macro call counts too. Comments
//! vanish, and text in strings is a literal.

use std::str::FromStr;

use proc_macro2::{Delimiter, Group, LexError, TokenStream, TokenTree};

/// One file below `src/`.
pub(crate) struct Source {
    /// From the package's root on, with slashes: `src/cli/why.rs`.
    pub(crate) path: String,
    /// Every path that the file names, absolute where it starts with `crate`, `self` or `super`.
    pub(crate) names: Vec<Name>,
    tokens: Vec<TokenTree>,
    lines: usize,
}

/// A path somewhere in a file, such as `crate::sys::host`.
#[derive(Debug)]
pub(crate) struct Name {
    /// Where it stands, from 1.
    pub(crate) line: usize,
    /// Whether it was given from the root of this crate on; else a local or another crate's name.
    pub(crate) ours: bool,
    /// Whether it stands in a module of tests.
    pub(crate) in_tests: bool,
    /// Its segments, without `crate`; a glob ends in `*`.
    pub(crate) segments: Vec<String>,
}

/// A token that a rule is about, and its line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) line: usize,
    pub(crate) word: String,
}

impl Source {
    pub(crate) fn parse(path: &str, text: &str) -> Result<Self, LexError> {
        let tokens: Vec<TokenTree> = TokenStream::from_str(text)?.into_iter().collect();
        let mut walk = Walk { in_main: path == "src/main.rs", names: Vec::new() };
        walk.tokens(&tokens, &module_path(path));
        Ok(Self { path: path.to_owned(), names: walk.names, tokens, lines: text.lines().count() })
    }

    /// The top-level module that the file belongs to, `main` or `lib`.
    pub(crate) fn room(&self) -> String {
        let below = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        below.split('/').next().unwrap_or_default().to_owned()
    }

    /// The module that the file is: `cli::why` as its parts.
    pub(crate) fn module(&self) -> Vec<String> {
        module_path(&self.path)
    }

    /// Whether this is the file that a top-level module starts with, or `main.rs`.
    pub(crate) fn is_room_root(&self) -> bool {
        self.path.matches('/').count() == 1 && self.path != "src/lib.rs"
    }

    /// Whether the file holds nothing but tests, by its name.
    pub(crate) fn is_tests(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// Its lines, without a `#[cfg(test)] mod … { … }` at its end.
    pub(crate) fn lines_without_tests(&self) -> usize {
        match self.tokens.as_slice() {
            [.., sign, cfg, keyword, name, TokenTree::Group(_)]
                if is_punct(sign, '#')
                    && without_spaces(cfg) == "[cfg(test)]"
                    && is_ident(keyword, "mod")
                    && matches!(name, TokenTree::Ident(_)) =>
            {
                line(sign) - 1
            }
            _ => self.lines,
        }
    }

    /// Whether `#![forbid(unsafe_code)]` stands in it, outside of any item.
    pub(crate) fn forbids_unsafe(&self) -> bool {
        self.tokens.windows(3).any(|window| {
            is_punct(&window[0], '#')
                && is_punct(&window[1], '!')
                && without_spaces(&window[2]) == "[forbid(unsafe_code)]"
        })
    }

    /// Every place where the keyword or name `word` stands.
    pub(crate) fn words(&self, word: &str) -> Vec<Found> {
        let mut found = Vec::new();
        each(&self.tokens, &mut |tokens| {
            found.extend(tokens.iter().filter(|token| is_ident(token, word)).map(found_at));
        });
        found
    }

    /// Every predicate about a platform inside of `cfg`, `cfg!`, `cfg_attr` or `cfg_select!`.
    pub(crate) fn platform_cfgs(&self) -> Vec<Found> {
        let mut found = Vec::new();
        each(&self.tokens, &mut |tokens| {
            for (index, token) in tokens.iter().enumerate() {
                if !["cfg", "cfg_attr", "cfg_select"].iter().any(|name| is_ident(token, name)) {
                    continue;
                }
                let bang = tokens.get(index + 1).is_some_and(|next| is_punct(next, '!'));
                if let Some(TokenTree::Group(group)) = tokens.get(index + 1 + usize::from(bang)) {
                    platform_predicates(group, &mut found);
                }
            }
        });
        found
    }

    /// Whether it declares this module.
    pub(crate) fn declares(&self, module: &str) -> bool {
        self.tokens
            .windows(2)
            .any(|window| is_ident(&window[0], "mod") && is_ident(&window[1], module))
    }

    /// What the file shows to its parent: `pub` or `pub(crate)` modules and re-exports.
    pub(crate) fn public_modules(&self) -> Vec<String> {
        let mut names = Vec::new();
        for (index, token) in self.tokens.iter().enumerate() {
            if !is_ident(token, "pub") {
                continue;
            }
            let restricted = matches!(self.tokens.get(index + 1), Some(TokenTree::Group(_)));
            let item = &self.tokens[index + 1 + usize::from(restricted)..];
            match item {
                [keyword, name, ..] if is_ident(keyword, "mod") => names.push(name.to_string()),
                [keyword, tree @ ..] if is_ident(keyword, "use") => {
                    let tree = tree.split(|token| is_punct(token, ';')).next();
                    last_names(tree.unwrap_or_default(), &mut names);
                }
                _ => {}
            }
        }
        names.sort();
        names
    }
}

/// `src/cli/why.rs` is `cli::why`; the crate's two roots are the empty path.
fn module_path(path: &str) -> Vec<String> {
    if ["src/main.rs", "src/lib.rs"].contains(&path) {
        return Vec::new();
    }
    let below = path.trim_start_matches("src/").trim_end_matches(".rs");
    below.split('/').map(str::to_owned).collect()
}

/// Collects the paths in a token stream.
struct Walk {
    /// In the program the library's root is called `sockpit`.
    in_main: bool,
    names: Vec<Name>,
}

impl Walk {
    fn tokens(&mut self, tokens: &[TokenTree], module: &[String]) {
        let mut rest = tokens;
        let mut after_use = false;
        while let Some(token) = rest.first() {
            match (token, rest) {
                (_, [keyword, TokenTree::Ident(name), TokenTree::Group(body), ..])
                    if is_ident(keyword, "mod") =>
                {
                    let inner = [module, &[name.to_string()]].concat();
                    self.tokens(&inside(body), &inner);
                    rest = &rest[3..];
                }
                // How far something is visible: `pub(in crate::sys)` uses nothing there.
                (_, [public, TokenTree::Group(reach), ..]) if is_reach(public, reach) => {
                    rest = &rest[2..];
                }
                (TokenTree::Ident(_), _) => {
                    let is_use = is_ident(token, "use");
                    let length = if is_use { 1 } else { self.path(rest, &[], after_use, module) };
                    after_use = is_use;
                    rest = &rest[length..];
                }
                (TokenTree::Group(group), _) if after_use => {
                    self.tree(group, &[], module);
                    (after_use, rest) = (false, &rest[1..]);
                }
                (TokenTree::Group(group), _) => {
                    self.tokens(&inside(group), module);
                    rest = &rest[1..];
                }
                _ => rest = &rest[1..],
            }
        }
    }

    /// Reads one path, the branches of a use tree included; returns how many tokens it took.
    fn path(
        &mut self,
        tokens: &[TokenTree],
        prefix: &[String],
        alone_too: bool,
        module: &[String],
    ) -> usize {
        let mut segments = prefix.to_vec();
        let mut length = 0;
        loop {
            match tokens.get(length) {
                Some(TokenTree::Ident(ident)) => segments.push(ident.to_string()),
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    self.tree(group, &segments, module);
                    return length + 1;
                }
                Some(token) if is_punct(token, '*') => segments.push("*".to_owned()),
                // `Vec::<u8>` and the like: what follows is a path of its own.
                _ => break,
            }
            length += 1;
            let colons = tokens.get(length..length + 2);
            if !colons.is_some_and(|pair| pair.iter().all(|token| is_punct(token, ':'))) {
                break;
            }
            length += 2;
        }
        if segments.len() > 1 || alone_too {
            let line = line(&tokens[0]);
            self.names.push(absolute(&segments, module, self.in_main, line));
        }
        length.max(1)
    }

    /// The branches of `use prefix::{…}`.
    fn tree(&mut self, group: &Group, prefix: &[String], module: &[String]) {
        for branch in inside(group).split(|token| is_punct(token, ',')) {
            // A branch may begin with `::`.
            let start = branch.iter().position(|token| !is_punct(token, ':'));
            if let Some(start) = start {
                self.path(&branch[start..], prefix, true, module);
            }
        }
    }
}

/// Resolves `crate`, `self`, `super` and a `self` at the end of a use tree.
fn absolute(segments: &[String], module: &[String], in_main: bool, line: usize) -> Name {
    let mut ours = false;
    let mut whole: Vec<String> = Vec::new();
    for (index, segment) in segments.iter().enumerate() {
        match segment.as_str() {
            "crate" if index == 0 => ours = true,
            "sockpit" if index == 0 && in_main => ours = true,
            "self" if index == 0 => (ours, whole) = (true, module.to_vec()),
            "self" => {}
            "super" => {
                if index == 0 {
                    (ours, whole) = (true, module.to_vec());
                }
                whole.pop();
            }
            _ => whole.push(segment.clone()),
        }
    }
    let in_tests = module.iter().any(|part| part == "tests");
    Name { line, ours, in_tests, segments: whole }
}

/// Whether these are `pub` and the brackets that say how far.
fn is_reach(public: &TokenTree, reach: &Group) -> bool {
    const WORDS: [&str; 4] = ["crate", "self", "super", "in"];
    let begins =
        inside(reach).first().is_some_and(|first| WORDS.iter().any(|word| is_ident(first, word)));
    is_ident(public, "pub") && begins
}

/// Calls `look` with the tokens of every group, from the outside in.
fn each(tokens: &[TokenTree], look: &mut impl FnMut(&[TokenTree])) {
    look(tokens);
    for token in tokens {
        if let TokenTree::Group(group) = token {
            each(&inside(group), look);
        }
    }
}

fn platform_predicates(group: &Group, found: &mut Vec<Found>) {
    each(&inside(group), &mut |tokens| {
        for token in tokens {
            let TokenTree::Ident(ident) = token else { continue };
            let word = ident.to_string();
            if word == "unix" || word == "windows" || word.starts_with("target_") {
                found.push(found_at(token));
            }
        }
    });
}

/// The names that a use tree brings in.
fn last_names(tree: &[TokenTree], names: &mut Vec<String>) {
    match tree.last() {
        Some(TokenTree::Group(group)) => {
            for branch in inside(group).split(|token| is_punct(token, ',')) {
                last_names(branch, names);
            }
        }
        Some(last) => names.push(last.to_string()),
        None => {}
    }
}

fn inside(group: &Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

fn found_at(token: &TokenTree) -> Found {
    Found { line: line(token), word: token.to_string() }
}

fn line(token: &TokenTree) -> usize {
    token.span().start().line
}

fn is_punct(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign)
}

fn is_ident(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

fn without_spaces(token: &TokenTree) -> String {
    token.to_string().replace(' ', "")
}
