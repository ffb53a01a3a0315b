//! Taints and tolerations: who may stay where, and for how long.

use std::borrow::Cow;

use towtank::{
    catalog::Catalog,
    kubernetes::{
        DefaultTolerations, NOT_READY, Taint, TaintEffect, Tolerated, Toleration, TolerationArgs,
        UNREACHABLE, toleration_seconds,
    },
};

fn taint(key: &'static str, value: &'static str, effect: TaintEffect) -> Taint {
    Taint { key: Cow::Borrowed(key), value: Cow::Borrowed(value), effect }
}

fn args(key: &str, operator: &str, value: &str, effect: &str) -> TolerationArgs {
    let stated = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    TolerationArgs {
        key: stated(key),
        operator: stated(operator),
        value: stated(value),
        effect: stated(effect),
        toleration_seconds: None,
    }
}

fn toleration(key: &str, operator: &str, value: &str, effect: &str) -> Toleration {
    Toleration::resolve(&args(key, operator, value, effect)).unwrap()
}

fn for_seconds(key: &str, seconds: u32) -> Toleration {
    Toleration { seconds: Some(seconds), ..toleration(key, "Exists", "", "NoExecute") }
}

#[test]
fn a_toleration_matches_by_key_value_and_effect() {
    let gpu = taint("nvidia.com/gpu", "present", TaintEffect::NoSchedule);
    for (key, operator, value, effect, tolerates) in [
        ("nvidia.com/gpu", "Exists", "", "", true),
        ("nvidia.com/gpu", "Exists", "", "NoSchedule", true),
        ("nvidia.com/gpu", "Exists", "", "NoExecute", false),
        ("nvidia.com/gpu", "Equal", "present", "", true),
        ("nvidia.com/gpu", "Equal", "absent", "", false),
        ("nvidia.com/gpu", "", "present", "", true),
        ("nvidia.com/gpu", "", "", "", false),
        ("spot", "Exists", "", "", false),
        ("", "Exists", "", "", true),
        ("", "Exists", "", "NoExecute", false),
    ] {
        let toleration = toleration(key, operator, value, effect);
        assert_eq!(toleration.tolerates(&gpu), tolerates, "{toleration:?}");
    }
}

#[test]
fn what_the_api_server_refuses_is_refused() {
    let seconds = TolerationArgs { toleration_seconds: Some(5), ..args("key", "Exists", "", "NoSchedule") };
    for (args, message) in [
        (
            args("key", "exist", "", ""),
            "operator: `exist` is neither `Exists` nor `Equal`; did you mean `Exists`?",
        ),
        (
            args("key", "Exists", "", "NoExec"),
            "effect: `NoExec` is none of `NoSchedule`, `PreferNoSchedule` and `NoExecute`; did you mean `NoExecute`?",
        ),
        (args("", "Equal", "v", ""), "operator: must be `Exists` when there is no key"),
        (args("key", "Exists", "v", ""), "value: must be left out when the operator is `Exists`"),
        (seconds, "effect: must be `NoExecute` when tolerationSeconds is set"),
    ] {
        assert_eq!(Toleration::resolve(&args).unwrap_err().to_string(), message);
    }
}

#[test]
fn the_shortest_matching_toleration_counts() {
    let gone = taint(UNREACHABLE, "", TaintEffect::NoExecute);
    let forever = toleration(UNREACHABLE, "Exists", "", "");
    for (tolerations, expected) in [
        (vec![], Tolerated::Not),
        (vec![for_seconds(NOT_READY, 60)], Tolerated::Not),
        (vec![forever.clone()], Tolerated::Forever),
        (vec![for_seconds(UNREACHABLE, 300)], Tolerated::For(300)),
        (vec![for_seconds(UNREACHABLE, 300), for_seconds(UNREACHABLE, 60)], Tolerated::For(60)),
        (vec![forever, for_seconds(UNREACHABLE, 60)], Tolerated::For(60)),
        (vec![for_seconds(UNREACHABLE, 0)], Tolerated::For(0)),
    ] {
        assert_eq!(toleration_seconds(&tolerations, &gone), expected, "{tolerations:?}");
    }
    assert!(Tolerated::Not < Tolerated::For(0) && Tolerated::For(9) < Tolerated::Forever);
}

#[test]
fn admission_adds_five_minutes_where_a_pod_says_nothing() {
    let defaults = DefaultTolerations::read(&Catalog::builtin()).unwrap();
    let admitted = |own: &[Toleration]| {
        let mut tolerations = own.to_vec();
        defaults.admit(&mut tolerations);
        let bears = |key| toleration_seconds(&tolerations, &taint(key, "", TaintEffect::NoExecute));
        (tolerations.len() - own.len(), bears(NOT_READY), bears(UNREACHABLE))
    };
    let five_minutes = Tolerated::For(300);
    assert_eq!(admitted(&[]), (2, five_minutes, five_minutes));
    assert_eq!(admitted(&[for_seconds(UNREACHABLE, 0)]), (1, five_minutes, Tolerated::For(0)));
    let everything = toleration("", "Exists", "", "");
    assert_eq!(admitted(&[everything]), (0, Tolerated::Forever, Tolerated::Forever));
    // Another effect, or another key, is not its own word on it.
    let others = [toleration(NOT_READY, "Exists", "", "NoSchedule"), for_seconds("spot", 1)];
    assert_eq!(admitted(&others), (2, five_minutes, five_minutes));
    // Its own word is, even one that matches nothing.
    let none = toleration(NOT_READY, "Equal", "never", "NoExecute");
    assert_eq!(admitted(&[none]), (1, Tolerated::Not, five_minutes));
}
