//! Values that nobody may see, and where they are seen.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::dice::Dice;

/// A value, and the bytes of it that no other text has by chance.
pub(super) struct Secret {
    /// The value, with whatever surrounds its core.
    pub(super) text: String,
    core: String,
    /// Whether each part of six bytes would be known again.
    is_random: bool,
}

const LETTERS: &str = "ABCDEFGHJKMNPQRSTVWXYZabcdefghjkmnpqrstvwxyz23456789";

/// What surrounds it: `§` is the core.
const SHAPES: &[&str] = &[
    "§",
    "§",
    "§",
    "§",
    "§ §",
    "§=§",
    "§: §",
    "§ #§",
    "§\n§",
    "§\n\n§\n",
    "\"§\"",
    "'§'",
    "it's §",
    "*§",
    "&§",
    "@§",
    "`§`",
    "%§",
    "!§",
    "/etc/§/key",
    "../§.yaml",
    "https://u:§@h.example/§?t=§",
    "{§: §}",
    "[§, §]",
    "- §",
    "---\n§",
    "|§",
    ">§",
    "§\\n§",
    "\\x§",
    "(§",
    "[§",
    "§)",
    "*§(",
    "{{ §",
    "{{ .§.§ }}",
    "{{ § }}",
    "%!s(§)",
    "<§>",
    "ä§ß",
    "\u{1}§",
    "\t§",
    "§\r§",
    "§'§\"§`§",
    "Error: §",
    "§\nError: §\nerror: §",
    "x: yaml: line 3: §",
    "at '/§': §",
    "Secret.v1.§/§",
    "json: unknown field \"§\"",
];

impl Secret {
    pub(super) fn roll(dice: &mut Dice) -> Self {
        let (core, is_random) = match dice.below(8) {
            0 => (format!("{}{}", 1 + dice.below(9), dice.text("0123456789", 5)), false),
            1 => (dice.text("BCDFGHJKLMNPQRSTVWXZ", 6), false),
            2 => (dice.text(LETTERS, 300), true),
            _ => {
                let length = 10 + dice.below(20);
                (dice.text(LETTERS, length), true)
            }
        };
        let text = dice.of(SHAPES).replace('§', &core);
        Self { text, core, is_random }
    }

    /// What must be nowhere: the core, or its parts, and the base64 of it wherever it begins.
    pub(super) fn needles(&self) -> Vec<String> {
        let mut needles = if self.is_random {
            self.core.as_bytes().windows(6).map(|part| String::from_utf8_lossy(part).into_owned()).collect()
        } else {
            vec![self.core.clone()]
        };
        for before in 0..3 {
            let encoded = STANDARD.encode([vec![b'x'; before], self.core.as_bytes().to_vec()].concat());
            let own = (before * 8).div_ceil(6)..(before + self.core.len()) * 8 / 6;
            needles.extend(encoded.get(own).map(|part| part.chars().take(16).collect()));
        }
        needles
    }
}
