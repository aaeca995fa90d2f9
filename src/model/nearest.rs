//! Suggests the nearest known name.

/// The known name that is nearest to a word that is none, where one is near: a letter or three, and less than half of it.
#[must_use]
pub fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let near = |(far, name): &(usize, &str)| *far <= 3 && far * 2 < name.chars().count();
    known.map(|name| (distance(word, name), name)).filter(near).min().map(|(_, name)| name)
}

/// Levenshtein distance.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (at, from) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, to) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(from != *to);
            diagonal = row[column + 1];
            row[column + 1] = substituted.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_name_is_meant_where_it_is_near() {
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
