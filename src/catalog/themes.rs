//! The themes that are compiled in, as their files say them.

/// Name and text of each.
pub const ALL: [(&str, &str); 6] = [
    ("dark", include_str!("../../assets/themes/dark.toml")),
    ("light", include_str!("../../assets/themes/light.toml")),
    ("high-contrast", include_str!("../../assets/themes/high-contrast.toml")),
    ("16", include_str!("../../assets/themes/16.toml")),
    ("16-light", include_str!("../../assets/themes/16-light.toml")),
    ("none", include_str!("../../assets/themes/none.toml")),
];

/// The text of a theme's file.
pub fn find(name: &str) -> Option<&'static str> {
    ALL.into_iter().find(|(other, _)| *other == name).map(|(_, text)| text)
}
