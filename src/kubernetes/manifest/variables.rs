//! Variables of a container, and where Kubernetes itself puts their values: `$(NAME)` in `command`, `args` and the values of
//! later variables.

use std::collections::BTreeMap;

/// Puts values where `$(NAME)` stands, if there is such a variable; `$$` is a dollar sign.
pub(super) fn replace(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut replaced = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        replaced.push_str(&rest[..at]);
        rest = &rest[at..];
        let name = rest.strip_prefix("$(").and_then(|inside| inside.split_once(')'));
        match name.and_then(|(name, after)| Some((variables.get(name)?, after))) {
            Some((value, after)) => {
                replaced.push_str(value);
                rest = after;
            }
            None if rest.starts_with("$$") => {
                replaced.push('$');
                rest = &rest[2..];
            }
            None => {
                replaced.push('$');
                rest = &rest[1..];
            }
        }
    }
    replaced + rest
}

/// The values of `stated` variables behind those that are there already, which win.
pub(super) fn extend(variables: &mut BTreeMap<String, String>, stated: &[(String, String)]) {
    let first = variables.clone();
    for (name, value) in stated.iter().filter(|(name, _)| !first.contains_key(name)) {
        let value = replace(value, variables);
        variables.insert(name.clone(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubernetes_replaces_what_it_knows() {
        let mut variables = BTreeMap::from([("SIZE".to_owned(), "2".to_owned())]);
        assert_eq!(replace("$(SIZE) $(NODE) $$(SIZE) $SIZE", &variables), "2 $(NODE) $(SIZE) $SIZE");
        let stated = [("A", "$(SIZE)$(B)"), ("B", "b"), ("C", "$(A)"), ("SIZE", "9")];
        extend(&mut variables, &stated.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let values: Vec<&str> = variables.values().map(String::as_str).collect();
        assert_eq!(values, ["2$(B)", "b", "2$(B)", "2"], "a variable that comes later is not known yet");
    }
}
