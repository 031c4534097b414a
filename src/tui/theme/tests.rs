use ratatui::style::{Color, Modifier, Style};
use toml::{Table, Value};

use super::*;
use crate::catalog::themes;

/// xterm's own sixteen (XTerm-col.ad).
const SIXTEEN: [u32; 16] = [
    0x00_00_00, 0xcd_00_00, 0x00_cd_00, 0xcd_cd_00, 0x00_00_ee, 0xcd_00_cd, 0x00_cd_cd, 0xe5_e5_e5,
    0x7f_7f_7f, 0xff_00_00, 0x00_ff_00, 0xff_ff_00, 0x5c_5c_ff, 0xff_00_ff, 0x00_ff_ff, 0xff_ff_ff,
];

fn bits(colour: Color) -> u32 {
    let named = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * u32::from(n) };
    match colour {
        Color::Rgb(r, g, b) => u32::from_be_bytes([0, r, g, b]),
        Color::Indexed(n @ 0..=15) => SIXTEEN[usize::from(n)],
        Color::Indexed(n @ 16..=231) => {
            let n = n - 16;
            level(n / 36) << 16 | level(n / 6 % 6) << 8 | level(n % 6)
        }
        Color::Indexed(n) => (8 + 10 * (u32::from(n) - 232)) * 0x01_01_01,
        named_one => {
            let at = named.iter().position(|colour| *colour == named_one);
            SIXTEEN[at.unwrap_or_else(|| panic!("{named_one:?} has no value"))]
        }
    }
}

/// Relative luminance (WCAG 2.2).
fn luminance(colour: Color) -> f64 {
    let bits = bits(colour);
    let part = |shift: u32| {
        let value = f64::from(bits >> shift & 0xff) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(16) + 0.7152 * part(8) + 0.0722 * part(0)
}

/// Contrast ratio (WCAG 2.2).
fn contrast(a: Color, b: Color) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn contrast_is_that_of_the_standard() {
    let of = |a, b| contrast(Color::from_u32(a), Color::from_u32(b));
    assert!((of(0xff_ff_ff, 0) - 21.0).abs() < 0.01);
    assert!((of(0x77_77_77, 0xff_ff_ff) - 4.48).abs() < 0.01);
}

#[test]
fn the_text_of_every_theme_can_be_read() {
    for (name, text) in themes::ALL.into_iter().filter(|(name, _)| *name != "none") {
        let theme = Theme::read(text).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        let table: Table = toml::from_str(text).unwrap();
        let colour = |value: &Value| read::colour(value.as_str().unwrap()).unwrap();
        let foreground = colour(&table["foreground"]);
        for ground in table["grounds"].as_array().unwrap().iter().map(colour) {
            let measure = |role: &str, style: Style, least: f64| {
                let (mut fg, mut bg) = (style.fg.unwrap_or(foreground), style.bg.unwrap_or(ground));
                if style.add_modifier.contains(Modifier::REVERSED) {
                    (fg, bg) = (bg, fg);
                }
                let contrast = contrast(fg, bg);
                assert!(contrast >= least, "{name}: {role} has {contrast:.2}:1 on {bg:?}");
            };
            let Theme { text, dim, accent, danger, warning, fresh, .. } = theme;
            let texts = [
                ("text", text),
                ("dim", dim),
                ("accent", accent),
                ("danger", danger),
                ("warning", warning),
                ("fresh", fresh),
            ];
            for (role, style) in texts {
                measure(role, style, 4.5);
                // A selected row keeps the colours of its cells.
                measure(&format!("{role}, resting"), style.patch(theme.resting), 4.5);
                measure(&format!("{role}, selected"), style.patch(theme.selection), 4.5);
            }
            measure("heading", theme.heading, 4.5);
            measure("frame", theme.frame, 3.0);
        }
    }
}

#[test]
fn what_differs_in_meaning_differs_without_its_colour_or_by_its_sign() {
    // Signs and words stand in the cells; what has none is told by its attributes.
    for (name, _) in themes::ALL {
        let theme = Theme::named(name).unwrap();
        assert_ne!(theme.selection, theme.text, "{name}");
        assert_ne!(theme.resting, theme.text, "{name}");
        assert_ne!(theme.selection, theme.resting, "{name}");
        assert_ne!(theme.heading, theme.text, "{name}");
    }
}

#[test]
fn a_file_that_is_no_theme_is_told_with_its_line() {
    let dark = themes::find("dark").unwrap();
    let wrong =
        |from: &str, to: &str| Theme::read(&dark.replace(from, to)).unwrap_err().to_string();
    let line = 1 + dark.lines().position(|line| line.starts_with("fresh")).unwrap();
    let told = wrong("fresh = \"114\"", "fresh = \"pink\"");
    assert!(told.starts_with(&format!("line {line}: `pink` is no colour")), "{told}");
    assert!(wrong("fresh = \"114\"", "").contains("missing field `fresh`"));
    assert!(wrong("fresh = ", "frehs = ").contains("unknown field `frehs`"));
    assert!(wrong("\"114\"", "\"114 on\"").contains("a colour belongs after `on`"));
    assert!(wrong("\"114\"", "\"256\"").contains("`256` is no colour"));
    assert_eq!(read::style("#ff8000 on bright-blue").unwrap().fg, Some(Color::Rgb(255, 128, 0)));
}

#[test]
fn the_theme_follows_from_the_terminal() {
    let of = |vars: &'static [(&str, &str)]| {
        Terminal::of(|name| {
            vars.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
        })
    };
    let (dark, light) = (Some(Ground::Dark), Some(Ground::Light));
    let xterm = of(&[("TERM", "xterm-256color")]);
    assert_eq!([choose(xterm, dark), choose(xterm, light)], ["dark", "light"]);
    assert_eq!(choose(xterm, None), "16", "no guess at a ground that nobody knows");
    let old = of(&[("TERM", "xterm")]);
    assert_eq!([choose(old, dark), choose(old, light)], ["16", "16-light"]);
    assert_eq!(choose(of(&[("TERM", "xterm"), ("COLORTERM", "truecolor")]), light), "light");
    assert_eq!(choose(of(&[("TERM", "dumb")]), light), "none");
    assert_eq!(choose(of(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")]), light), "none");
    assert!(of(&[("TERM", "xterm"), ("NO_COLOR", "")]).has_colours);
}
