//! The plan as tables, and what is said about a file that departs from it.

use std::collections::BTreeSet;

use super::source::{Name, Source};

/// Who may use whom: the left may use the right, and itself.
const ARROWS: &[(&str, &[&str])] = &[
    ("main", &["cli", "tui", "config", "sys::host"]),
    ("cli", FACES_USE),
    ("tui", FACES_USE),
    ("act", &["inspect", "sys", "wire", "text", "catalog", "model"]),
    ("probe", &["inspect", "sys", "wire", "text", "catalog", "model"]),
    ("collect", &["sys", "wire", "text", "catalog", "model"]),
    ("inspect", &["sys", "wire", "text", "catalog", "model"]),
    ("sys", &["wire", "model"]),
    ("query", &["catalog", "model"]),
    ("text", &["catalog", "model"]),
    ("config", &["catalog", "model"]),
    ("wire", &["model"]),
    ("catalog", &["model"]),
    ("model", &[]),
];

/// What both faces of the program may use.
const FACES_USE: &[&str] = &[
    "collect",
    "inspect",
    "act",
    "probe",
    "query",
    "config",
    "text",
    "catalog",
    "model",
    "sys::host",
];

/// Crates that belong to one part of the house.
const CRATE_HOMES: &[(&str, &[&str])] = &[
    ("clap", &["cli", "main"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("crossterm", &["tui"]),
    ("libc", &["sys"]),
    ("netstat2", &["sys"]),
    ("ratatui", &["tui"]),
    ("rustix", &["sys"]),
    ("sysinfo", &["sys"]),
    ("tui_input", &["tui"]),
];

/// All that the model may use besides the standard library.
const MODEL_CRATES: &[&str] = &["jiff", "serde", "serde_json"];

/// Rooms that compute and do nothing else, and what they therefore leave alone.
const PURE_ROOMS: &[&str] = &["model", "wire", "query", "text", "catalog"];
const IMPURE: &[&[&str]] = &[
    &["std", "env"],
    &["std", "fs"],
    &["std", "net", "TcpListener"],
    &["std", "net", "TcpStream"],
    &["std", "net", "UdpSocket"],
    &["std", "process"],
    &["std", "thread"],
    &["tokio"],
];

/// The longest file, its tests apart.
const MOST_LINES: usize = 450;

/// The platforms, each of which has what the others and [`PORTABLE`] have.
const PLATFORMS: &[&str] = &["src/sys/linux.rs", "src/sys/macos.rs", "src/sys/windows.rs"];
const PORTABLE: &str = "src/sys/portable.rs";

/// Rooms whose files, tests apart, import each other in no circle.
const WITHOUT_CIRCLES: &[&str] =
    &["catalog", "config", "model", "query", "sys", "text", "tui", "wire"];

/// Everything in `sources` that departs from the plan; `crates` are the dependencies' names.
pub(crate) fn complaints(sources: &[Source], crates: &[String]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for source in sources {
        all.extend(arrows(source));
        all.extend(crate_homes(source, crates));
        all.extend(platform_and_unsafe(source));
        all.extend(shape(source));
    }
    all.extend(orphans(sources));
    all.extend(platforms(sources));
    all.extend(WITHOUT_CIRCLES.iter().flat_map(|room| circles(room, sources)));
    all
}

/// Arrows that run against [`ARROWS`].
pub(crate) fn arrows(source: &Source) -> Vec<String> {
    let room = source.room();
    if room == "lib" {
        let used = source.names.iter().map(|name| at(source, name.line));
        return used.map(|at| format!("{at}: lib.rs declares modules and uses none")).collect();
    }
    let Some((_, may)) = ARROWS.iter().find(|(from, _)| *from == room) else {
        return vec![format!("{}: {room} is no room of the plan", source.path)];
    };
    let ours = source.names.iter().filter(|name| name.ours);
    let wrong = ours.filter(|name| !is_permitted(name, &room, may));
    wrong
        .map(|name| {
            let target = match name.segments.join("::") {
                whole if whole.is_empty() || whole == "*" => "the whole crate".to_owned(),
                target => target,
            };
            let may = if may.is_empty() { "no other room".to_owned() } else { may.join(", ") };
            format!("{}: {room} uses {target}; it may use {may}", at(source, name.line))
        })
        .collect()
}

fn is_permitted(name: &Name, room: &str, may: &[&str]) -> bool {
    name.segments.first().is_some_and(|first| first == room)
        || may.iter().any(|permitted| starts_with(&name.segments, permitted.split("::")))
}

/// Crates outside of the room they belong to, and I/O where only arithmetic should be.
pub(crate) fn crate_homes(source: &Source, crates: &[String]) -> Vec<String> {
    let room = source.room();
    let mut complaints = Vec::new();
    for name in source.names.iter().filter(|name| !name.ours) {
        let Some(first) = name.segments.first() else { continue };
        let mut complain = |why: String| {
            let used = name.segments.join("::");
            complaints.push(format!("{}: {room} uses {used}; {why}", at(source, name.line)));
        };
        if let Some((_, homes)) = CRATE_HOMES.iter().find(|(named, _)| first == named)
            && !homes.contains(&room.as_str())
        {
            complain(format!("{first} belongs to {}", homes.join(", ")));
        }
        if room == "model" && crates.contains(first) && !MODEL_CRATES.contains(&first.as_str()) {
            complain(format!("model may use std, {}", MODEL_CRATES.join(", ")));
        }
        if PURE_ROOMS.contains(&room.as_str())
            && IMPURE.iter().any(|path| starts_with(&name.segments, path.iter().copied()))
        {
            complain(format!("{} do no I/O", PURE_ROOMS.join(", ")));
        }
    }
    complaints
}

/// Platform cfg, a platform's part of the standard library, and `unsafe`, outside of `sys`.
pub(crate) fn platform_and_unsafe(source: &Source) -> Vec<String> {
    if source.room() == "sys" {
        return Vec::new();
    }
    let cfgs = source.platform_cfgs().into_iter();
    let cfgs = cfgs.map(|found| (found.line, format!("a cfg on {}", found.word)));
    let words = source.words("unsafe").into_iter().map(|found| (found.line, found.word));
    let os = source
        .names
        .iter()
        .filter(|name| !name.ours && starts_with(&name.segments, ["std", "os"].into_iter()));
    let os = os.map(|name| (name.line, name.segments.join("::")));
    cfgs.chain(words)
        .chain(os)
        .map(|(line, what)| format!("{}: {what} belongs into sys", at(source, line)))
        .collect()
}

/// Length, `mod.rs`, and the attribute that forbids `unsafe`.
pub(crate) fn shape(source: &Source) -> Vec<String> {
    let path = &source.path;
    let mut complaints = Vec::new();
    let lines = source.lines_without_tests();
    if lines > MOST_LINES && !source.is_tests() {
        complaints.push(format!("{path}: {lines} lines; the most is {MOST_LINES}, tests apart"));
    }
    if path.ends_with("/mod.rs") {
        complaints.push(format!("{path}: a module is foo.rs beside foo/, never mod.rs"));
    }
    if source.is_room_root() && source.room() != "sys" && !source.forbids_unsafe() {
        complaints.push(format!("{path}: #![forbid(unsafe_code)] is missing"));
    }
    complaints
}

/// A file that no module declares: it is never compiled, perhaps only on other platforms.
pub(crate) fn orphans(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources {
        let Some((parent, name)) = source.path.trim_end_matches(".rs").rsplit_once('/') else {
            continue;
        };
        if parent == "src" && ["lib", "main"].contains(&name) {
            continue;
        }
        let parent = if parent == "src" { "src/lib.rs".into() } else { format!("{parent}.rs") };
        let declared = sources.iter().any(|other| other.path == parent && other.declares(name));
        if !declared {
            complaints.push(format!("{}: no `mod {name}` in {parent}", source.path));
        }
    }
    complaints
}

/// Files of a room that import each other in a circle: neither can be read, or moved, alone.
pub(crate) fn circles(room: &str, sources: &[Source]) -> Vec<String> {
    let files: Vec<&Source> =
        sources.iter().filter(|source| source.room() == room && !source.is_tests()).collect();
    let modules: Vec<Vec<String>> = files.iter().map(|file| file.module()).collect();
    // The file that a path leads into is the longest one that it begins with.
    let file_of = |path: &[String]| {
        let begins = |at: &usize| path.starts_with(&modules[*at]);
        (0..modules.len()).filter(begins).max_by_key(|at| modules[*at].len())
    };
    let mut uses: Vec<BTreeSet<usize>> = Vec::new();
    for (at, file) in files.iter().enumerate() {
        let mut used = BTreeSet::new();
        for name in file.names.iter().filter(|name| !name.in_tests) {
            let whole = match name.ours {
                true => name.segments.clone(),
                // A child of the module, by its name alone.
                false => [modules[at].as_slice(), &name.segments].concat(),
            };
            used.extend(file_of(&whole).filter(|other| *other != at));
        }
        uses.push(used);
    }
    let leads_back = |at: &usize| reachable(&uses, *at).contains(at);
    let left: BTreeSet<usize> = (0..files.len()).filter(leads_back).collect();
    let complaint = |at: &usize| {
        let others: Vec<&str> = uses[*at]
            .iter()
            .filter(|other| left.contains(other))
            .map(|other| files[*other].path.as_str())
            .collect();
        format!("{}: in a circle of imports by way of {}", files[*at].path, others.join(", "))
    };
    left.iter().map(complaint).collect()
}

/// What can be got to from `start` in one step or more.
fn reachable(steps: &[BTreeSet<usize>], start: usize) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<usize> = steps[start].iter().copied().collect();
    while let Some(at) = next.pop() {
        if reached.insert(at) {
            next.extend(&steps[at]);
        }
    }
    reached
}

/// A platform that lacks a module which another one, or the portable one, has.
pub(crate) fn platforms(sources: &[Source]) -> Vec<String> {
    let files = PLATFORMS.iter().chain([&PORTABLE]);
    let shown: Vec<(&str, Option<Vec<String>>)> = files
        .map(|path| {
            let source = sources.iter().find(|source| source.path == *path);
            (*path, source.map(Source::public_modules))
        })
        .collect();
    let mut complaints = Vec::new();
    for (path, modules) in &shown {
        let Some(modules) = modules else {
            complaints.push(format!("{path}: missing"));
            continue;
        };
        // The portable one need not have what each platform answers in its own way.
        if *path == PORTABLE {
            continue;
        }
        for (other, theirs) in &shown {
            let lacks = theirs.iter().flatten().filter(|module| !modules.contains(module));
            complaints
                .extend(lacks.map(|module| format!("{path}: lacks `{module}`, which {other} has")));
        }
    }
    complaints
}

fn starts_with<'a>(segments: &[String], mut prefix: impl Iterator<Item = &'a str>) -> bool {
    let mut segments = segments.iter();
    prefix.all(|expected| segments.next().is_some_and(|segment| segment == expected))
}

fn at(source: &Source, line: usize) -> String {
    format!("{}:{line}", source.path)
}
