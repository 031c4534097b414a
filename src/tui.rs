//! The dashboard: loop, application state, panes, widgets, theme, keymap.
#![forbid(unsafe_code)]
