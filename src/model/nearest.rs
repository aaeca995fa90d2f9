//! Suggests the nearest known name.

/// The known name that is nearest to a word that is none, where one is near: a letter or three, and less than half of it.
#[must_use]
pub fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let near = |(far, name): &(usize, &str)| *far <= 3 && far * 2 < name.chars().count();
    known.map(|name| (strsim::levenshtein(word, name), name)).filter(near).min().map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn similar_name_is_suggested() {
        let cases = [
            ("replica", Some("replicas")),
            ("Replicas", Some("replicas")),
            ("container", Some("containers")),
            ("volumes", Some("volumes")),
            ("foo", None),
            ("env2", Some("env")),
            ("", None),
            ("terminationGracePeriod", None),
        ];
        let known = ["replicas", "containers", "volumes", "env", "terminationGracePeriodSeconds", "name"];
        for (word, meant) in cases {
            assert_eq!(nearest(word, known.into_iter()), meant, "{word}");
        }
    }
}
