//! The configuration file and its defaults, validated.
//!
//! ```toml
//! [dashboard]
//! theme = "auto"       # or dark, light, high-contrast, 16, 16-light, none, or a file
//! period_ms = 1000     # between two looks at the socket table
//! names = false        # services, users and host names in place of their numbers
//! mouse = true         # false leaves the mouse to the terminal, which selects text with it
//! capture = "always"   # goes on once Packets was on screen; or on_screen, or off
//! remember = true      # the view (columns, order, groups) from one run to the next
//!
//! [filters]            # @web in any query
//! web = "port:80,443 state:established"
//!
//! [targets]            # tested at once by b in the tester
//! shop = "https://shop.example/health"
//! ```
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{self, Deserializer};
use toml::Spanned;

use crate::catalog::themes;

/// Shorter periods would only measure the measuring, longer ones would look like a stall.
const PERIODS_MS: RangeInclusive<u64> = 250..=60_000;
/// No configuration is longer than this; what is, is some other file.
const MAX_BYTES: u64 = 1 << 20;

/// Everything that can be configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The dashboard.
    pub dashboard: Dashboard,
    /// Filters by name. Their texts are checked by who reads queries; see
    /// [`Config::wrong_filter`].
    pub filters: Vec<Named>,
    /// Targets of the tester by name. Their texts are checked by who reads targets; see
    /// [`Config::wrong_target`].
    pub targets: Vec<Named>,
    path: PathBuf,
}

/// A filter or a target with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The name.
    pub name: String,
    /// The filter, or the target.
    pub text: String,
    // Where the text stands in the file; counts from 1.
    line: usize,
}

/// The file as it is written.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    dashboard: Dashboard,
    filters: BTreeMap<String, Spanned<String>>,
    targets: BTreeMap<String, Spanned<String>>,
}

/// How the dashboard looks and how often it looks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dashboard {
    /// Its colours.
    pub theme: ThemeChoice,
    /// Wished time between two samples.
    #[serde(rename = "period_ms", deserialize_with = "period")]
    pub period: Duration,
    /// Names in place of numbers, from the start.
    pub names: bool,
    /// Whether the dashboard takes the mouse.
    pub mouse: bool,
    /// When packets are captured.
    pub capture: CaptureWhen,
    /// Whether the view is kept from one run to the next, over what is configured here.
    pub remember: bool,
}

impl Default for Dashboard {
    fn default() -> Self {
        Self {
            theme: ThemeChoice::Auto,
            period: Duration::from_secs(1),
            names: false,
            mouse: true,
            capture: CaptureWhen::Always,
            remember: true,
        }
    }
}

/// When the dashboard captures packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureWhen {
    /// From the first time on that Packets is on screen.
    #[default]
    Always,
    /// While Packets is on screen.
    OnScreen,
    /// Never.
    Off,
}

/// The colours of the dashboard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ThemeChoice {
    /// What fits the terminal.
    #[default]
    Auto,
    /// Fixed shades of the 256, dark or light as the terminal's ground is.
    Full,
    /// One that is compiled in.
    Named(&'static str),
    /// One of the user's own.
    File(PathBuf),
}

impl FromStr for ThemeChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = themes::ALL.iter().find(|(name, _)| *name == text);
        match text {
            "auto" => Ok(Self::Auto),
            "256" => Ok(Self::Full),
            _ if text.contains('/') || text.ends_with(".toml") => Ok(Self::File(text.into())),
            _ => named.map(|(name, _)| Self::Named(name)).ok_or_else(|| {
                let names: Vec<&str> = themes::ALL.iter().map(|(name, _)| *name).collect();
                format!("a theme is auto, 256, {}, or a file (./mine.toml)", names.join(", "))
            }),
        }
    }
}

impl<'de> Deserialize<'de> for ThemeChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

fn period<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let ms = u64::deserialize(deserializer)?;
    if !PERIODS_MS.contains(&ms) {
        let (least, most) = (PERIODS_MS.start(), PERIODS_MS.end());
        return Err(de::Error::custom(format!("period_ms is {ms}; it must be {least} to {most}")));
    }
    Ok(Duration::from_millis(ms))
}

/// Why a configuration cannot be used: one sentence that names the file and the line.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// The system's word.
        #[source]
        source: io::Error,
    },
    /// It is not a configuration.
    #[error("the configuration {} cannot be used: line {line}: {what}", path.display())]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// Counts from 1.
        line: usize,
        /// What is wrong there.
        what: String,
    },
}

impl Config {
    /// The file that the user named, which must be there; else the user's own, if there is one.
    pub fn load(named: Option<&Path>) -> Result<Self, ConfigError> {
        if let Some(path) = named {
            return Self::read(path);
        }
        match own_path() {
            Some(path) if path.exists() => Self::read(&path),
            _ => Ok(Self::default()),
        }
    }

    fn read(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
        let size = fs::metadata(path).map_err(unreadable)?.len();
        if size > MAX_BYTES {
            let text = format!("it has {size} bytes, more than any configuration");
            return Err(unreadable(io::Error::other(text)));
        }
        let text = fs::read_to_string(path).map_err(unreadable)?;
        let invalid = |(line, what)| ConfigError::Invalid { path: path.to_owned(), line, what };
        let mut config = Self::parse(&text).map_err(invalid)?;
        // Beside the configuration, wherever sockpit was started.
        if let (ThemeChoice::File(file), Some(beside)) =
            (&mut config.dashboard.theme, path.parent())
        {
            *file = beside.join(&file);
        }
        Ok(Self { path: path.to_owned(), ..config })
    }

    /// The error for a filter whose text cannot be used, with its place in the file.
    pub fn wrong_filter(&self, name: &str, what: impl Into<String>) -> ConfigError {
        self.wrong(&self.filters, name, what.into())
    }

    /// The same for a target.
    pub fn wrong_target(&self, name: &str, what: impl Into<String>) -> ConfigError {
        self.wrong(&self.targets, name, what.into())
    }

    fn wrong(&self, named: &[Named], name: &str, what: String) -> ConfigError {
        let line = named.iter().find(|named| named.name == name).map_or(1, |named| named.line);
        ConfigError::Invalid { path: self.path.clone(), line, what }
    }

    /// The text of a file; an error is a line and what is wrong there.
    fn parse(text: &str) -> Result<Self, (usize, String)> {
        let line = |offset: usize| {
            let before = &text.as_bytes()[..offset.min(text.len())];
            1 + before.iter().filter(|byte| **byte == b'\n').count()
        };
        let file: File = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            (line(start), error.message().trim().replace('\n', "; "))
        })?;
        let named = |(name, text): (String, Spanned<String>)| {
            let line = line(text.span().start);
            Named { name, text: text.into_inner(), line }
        };
        let filters = file.filters.into_iter().map(named).collect();
        let targets = file.targets.into_iter().map(named).collect();
        Ok(Self { dashboard: file.dashboard, filters, targets, path: PathBuf::new() })
    }
}

/// `sockpit/config.toml` below the directory that the platform keeps configurations in.
fn own_path() -> Option<PathBuf> {
    let var = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let dir = var("XDG_CONFIG_HOME")
        .or_else(|| var("APPDATA"))
        .or_else(|| var("HOME").map(|home| home.join(".config")))?;
    Some(dir.join("sockpit").join("config.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(Config::parse("").unwrap(), Config::default());
    }

    #[test]
    fn every_key_is_read() {
        let text = "[dashboard]\ntheme = \"256\"\nperiod_ms = 500\nnames = true\nmouse = false\nremember = false\n";
        let dashboard = Config::parse(text).unwrap().dashboard;
        assert_eq!(dashboard.theme, ThemeChoice::Full);
        assert_eq!(dashboard.period, Duration::from_millis(500));
        assert!(dashboard.names && !dashboard.mouse);
        assert!(!dashboard.remember);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let wrong = |text: &str| {
            let (line, what) = Config::parse(text).unwrap_err();
            format!("{line}: {what}")
        };
        assert!(wrong("[dashboard]\ncolour = 1").starts_with("2: unknown field `colour`"));
        assert!(wrong("[dashbord]\n").starts_with("1: unknown field `dashbord`"));
        let theme = wrong("\n[dashboard]\ntheme = \"pink\"");
        assert!(theme.starts_with("3: a theme is auto, 256, dark, light"), "{theme}");
        let period = wrong("[dashboard]\nperiod_ms = 10");
        assert_eq!(period, "2: period_ms is 10; it must be 250 to 60000");
        assert!(wrong("[dashboard]\nnames = 3").starts_with("2: invalid type"));
        assert!(wrong("[dashboard\n").starts_with("1: "));
    }

    #[test]
    fn a_theme_is_a_name_or_a_file_beside_the_configuration() {
        assert_eq!("light".parse(), Ok(ThemeChoice::Named("light")));
        assert_eq!("none".parse(), Ok(ThemeChoice::Named("none")));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        fs::write(&path, "[dashboard]\ntheme = \"mine.toml\"\n").unwrap();
        let theme = Config::load(Some(&path)).unwrap().dashboard.theme;
        assert_eq!(theme, ThemeChoice::File(dir.path().join("mine.toml")));
    }

    #[test]
    fn targets_have_names() {
        let text = "[targets]\nshop = \"https://shop.example\"\nssh = \"host:22\"\n";
        let config = Config::parse(text).unwrap();
        let targets: Vec<_> =
            config.targets.iter().map(|it| (&it.name[..], &it.text[..])).collect();
        assert_eq!(targets, [("shop", "https://shop.example"), ("ssh", "host:22")]);
        let error = config.wrong_target("ssh", "no").to_string();
        assert!(error.ends_with("cannot be used: line 3: no"), "{error}");
    }

    #[test]
    fn filters_keep_their_place() {
        let text = "[filters]\nweb = \"port:80\"\n\n\"b c\" = 'x'\n";
        let config = Config::parse(text).unwrap();
        let filters: Vec<_> =
            config.filters.iter().map(|f| (&f.name[..], &f.text[..], f.line)).collect();
        assert_eq!(filters, [("b c", "x", 4), ("web", "port:80", 2)]);
        let error = config.wrong_filter("web", "no").to_string();
        assert!(error.ends_with("cannot be used: line 2: no"), "{error}");
        assert_eq!(Config::parse("[filters]\nweb = 3").unwrap_err().0, 2);
    }

    #[test]
    fn a_named_file_must_be_there() {
        let error = Config::load(Some(Path::new("/nonexistent/sockpit.toml"))).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/sockpit.toml"));
    }
}
