//! What a Flux Kustomization sets beside its folder.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// Options of a Flux Kustomization that change what its folder renders to (`spec` in `api/v1/kustomization_types.go` of
/// kustomize-controller).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FluxOptions {
    /// Written into the folder's own kustomization: `namespace`, `namePrefix`, `nameSuffix` and `buildMetadata` in the place
    /// of its own, `patches`, `components` and `images` behind them.
    pub kustomization: Map<String, Value>,
    /// Whether a component that is not there is passed over.
    pub ignores_missing_components: bool,
    /// Put on every rendered object, in the place of its own: `labels` and `annotations`.
    pub common_metadata: Map<String, Value>,
    /// ConfigMaps and Secrets whose data are variables, and that were not looked up yet: see [`FluxOptions::resolve`].
    pub substitute_from: Vec<SubstituteReference>,
    /// How variables are filled in, where that is asked for (`postBuild`).
    pub substitution: Option<Substitution>,
}

/// Variables, and what becomes of those that nobody sets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Substitution {
    /// What is known: the value, or `None` where only the name is, for the value is that of a Secret.
    pub variables: BTreeMap<String, Option<String>>,
    /// Whether a Secret whose names are not known either may set any other.
    pub others_unknown: bool,
    /// Whether texts are filled in although no variable is set (`substituteStrategy: Always`).
    pub always: bool,
    /// Whether a variable that nobody sets is an error (feature gate `StrictPostBuildSubstitutions`), and no empty text.
    pub strict: bool,
}

/// A ConfigMap or Secret in the namespace of the Kustomization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubstituteReference {
    /// `ConfigMap` or `Secret`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Whether it need not be there.
    pub optional: bool,
}

/// What is known of the object of a [`SubstituteReference`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubstituteData {
    /// The `data` of a ConfigMap.
    ConfigMap(BTreeMap<String, String>),
    /// A Secret, whose values are never read, with the names in it; `None` where not even they are known.
    Secret(Option<BTreeSet<String>>),
    /// It is not there.
    Missing,
}

/// Why the variables of a Kustomization are not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubstituteRefusal {
    /// An object that is not optional.
    #[error("postBuild.substituteFrom names the {kind} {name}, which is not there")]
    Missing {
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
    },
    /// It was not looked up.
    #[error("postBuild.substituteFrom names the {kind} {name}, whose data is not known here")]
    NotLookedUp {
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
    },
    /// Flux refuses it (`varsubRegex` in `pkg/kustomize/kustomize_varsub.go`).
    #[error("postBuild sets the variable {0:?}: a name is letters, digits and _, and begins with no digit")]
    Name(String),
}

impl FluxOptions {
    /// Whether nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The options with the data of [`FluxOptions::substitute_from`]: a later reference goes before an earlier one, and what
    /// the Kustomization says itself before all of them (`LoadVariables` in `pkg/kustomize/kustomize_varsub.go`).
    ///
    /// # Errors
    /// A reference that has to be there and is not, or a name that is none of a variable.
    pub fn resolve(
        mut self,
        mut look_up: impl FnMut(&SubstituteReference) -> SubstituteData,
    ) -> Result<Self, SubstituteRefusal> {
        let references = std::mem::take(&mut self.substitute_from);
        let Some(substitution) = &mut self.substitution else { return Ok(self) };
        let own = std::mem::take(&mut substitution.variables);
        for reference in references {
            match look_up(&reference) {
                SubstituteData::ConfigMap(data) => {
                    let known = data.into_iter().map(|(name, value)| (name, Some(without_breaks(&value))));
                    substitution.variables.extend(known);
                }
                SubstituteData::Secret(Some(names)) => {
                    substitution.variables.extend(names.into_iter().map(|name| (name, None)));
                }
                SubstituteData::Secret(None) => {
                    // It may have any of them.
                    substitution.variables.clear();
                    substitution.others_unknown = true;
                }
                SubstituteData::Missing if reference.optional => {}
                SubstituteData::Missing => {
                    let SubstituteReference { kind, name, .. } = reference;
                    return Err(SubstituteRefusal::Missing { kind, name });
                }
            }
        }
        substitution.variables.extend(own);
        let is_refused = |name: &&String| !is_variable_name(name);
        match substitution.variables.keys().find(is_refused) {
            Some(name) => Err(SubstituteRefusal::Name(name.clone())),
            None => Ok(self),
        }
    }
}

impl Substitution {
    /// What a Kustomization sets itself.
    #[must_use]
    pub fn new(own: BTreeMap<String, String>) -> Self {
        let known = own.into_iter().map(|(name, value)| (name, Some(without_breaks(&value))));
        Self { variables: known.collect(), ..Self::default() }
    }

    /// Whether texts are filled in at all: some variable is set, or it is asked for.
    #[must_use]
    pub fn is_run(&self) -> bool {
        self.always || self.others_unknown || !self.variables.is_empty()
    }
}

/// A value as Flux takes it: in one line.
fn without_breaks(value: &str) -> String {
    value.replace('\n', "")
}

fn is_variable_name(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    begins && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{FluxOptions, SubstituteData, SubstituteReference, SubstituteRefusal, Substitution};

    fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn options(own: &[(&str, &str)], from: &[(&str, bool)]) -> FluxOptions {
        let reference = |(name, optional): &(&str, bool)| {
            let kind = if name.starts_with("secret") { "Secret" } else { "ConfigMap" };
            SubstituteReference { kind: kind.to_owned(), name: (*name).to_owned(), optional: *optional }
        };
        FluxOptions {
            substitute_from: from.iter().map(reference).collect(),
            substitution: Some(Substitution::new(map(own))),
            ..FluxOptions::default()
        }
    }

    fn look_up(reference: &SubstituteReference) -> SubstituteData {
        match reference.name.as_str() {
            "one" => SubstituteData::ConfigMap(map(&[("A", "1"), ("B", "1"), ("C", "1\n1\n")])),
            "two" => SubstituteData::ConfigMap(map(&[("B", "2")])),
            "wrong" => SubstituteData::ConfigMap(map(&[("a-b", "2")])),
            "secret" => SubstituteData::Secret(Some(BTreeSet::from(["B".to_owned()]))),
            "secret-unread" => SubstituteData::Secret(None),
            _ => SubstituteData::Missing,
        }
    }

    fn variables(options: FluxOptions) -> Vec<(String, Option<String>)> {
        let resolved = options.resolve(look_up).expect("it can be resolved");
        assert!(resolved.substitute_from.is_empty());
        resolved.substitution.expect("it is kept").variables.into_iter().collect()
    }

    #[test]
    fn later_references_win_and_own_variables_over_all() {
        let some = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
        let from = options(&[("C", "own\n")], &[("one", false), ("two", false), ("gone", true)]);
        assert_eq!(variables(from), [some("A", "1"), some("B", "2"), some("C", "own")]);
        let from = options(&[], &[("two", false), ("one", false)]);
        assert_eq!(variables(from), [some("A", "1"), some("B", "1"), some("C", "11")]);
    }

    #[test]
    fn values_of_secrets_are_not_known() {
        let some = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
        let from = options(&[("C", "own")], &[("one", false), ("secret", false)]);
        assert_eq!(variables(from), [some("A", "1"), ("B".to_owned(), None), some("C", "own")]);
        let from = options(&[("C", "own")], &[("one", false), ("secret-unread", false), ("two", false)]);
        let resolved = from.resolve(look_up).expect("it can be resolved").substitution.expect("it is kept");
        assert!(resolved.others_unknown);
        let known: Vec<_> = resolved.variables.into_iter().collect();
        assert_eq!(known, [some("B", "2"), some("C", "own")]);
    }

    #[test]
    fn what_flux_refuses_is_refused() {
        let refused = |own: &[(&str, &str)], from: &[(&str, bool)]| options(own, from).resolve(look_up);
        let missing = SubstituteRefusal::Missing { kind: "ConfigMap".to_owned(), name: "gone".to_owned() };
        assert_eq!(refused(&[], &[("gone", false)]), Err(missing));
        assert_eq!(refused(&[], &[("wrong", false)]), Err(SubstituteRefusal::Name("a-b".to_owned())));
        for name in ["", "1a", "a.b", "ä"] {
            assert_eq!(refused(&[(name, "x")], &[]), Err(SubstituteRefusal::Name(name.to_owned())));
        }
        assert!(refused(&[("_a1", "x")], &[]).is_ok());
    }
}
