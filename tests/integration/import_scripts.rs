//! Start scripts, as people write them, and the engine that they start.

use crate::import_harness::{MODEL, Set, deployment};

/// (model, tensor parallelism) of what `script` starts.
fn started(script: &str) -> (String, Option<u32>) {
    of(&Set::script(script))
}

fn of(set: &Set) -> (String, Option<u32>) {
    let deployment = deployment(&set.imported());
    (deployment.model, deployment.engine.tensor_parallel_size)
}

#[test]
fn the_engine_is_found_behind_what_starts_it() {
    for script in [
        "if [ -f /ready ]; then vllm serve @ -tp 8; fi",
        "{ vllm serve @ -tp 8; }",
        "numactl --cpunodebind=0 vllm serve @ -tp 8",
        "exec env VLLM_LOGGING_LEVEL=INFO vllm serve @ -tp 8",
        "python3 -u -m vllm.entrypoints.openai.api_server --model @ -tp 8",
        "python3 -m vllm.entrypoints.cli.main serve @ -tp 8",
        "python3 /opt/vllm/entrypoints/openai/api_server.py --model @ -tp 8",
        "sglang serve --model-path @ --tp 8",
        "CMD=\"vllm serve @\"; $CMD -tp 8",
        "ARGS='-tp 8 --port 80'; vllm serve @ $ARGS",
        "vllm serve @ -tp $((LWS_GROUP_SIZE * 8))",
        "vllm serve @ -tp ${TP-8} --seed `date +%s` >'a log' 2>&1 &\nwait",
        "cat > /serve.sh <<EOF\nvllm serve other/model -tp 1\nEOF\nvllm serve @ -tp 8",
    ] {
        assert_eq!(started(&script.replace('@', MODEL)), (MODEL.to_owned(), Some(8)), "{script}");
    }
}

#[test]
fn arguments_alone_are_flags_or_a_command() {
    for args in [
        format!("[--model, {MODEL}, -tp, \"8\"]"),
        format!("[vllm, serve, {MODEL}, -tp, \"8\"]"),
        format!("[python3, -m, vllm.entrypoints.openai.api_server, --model, {MODEL}, -tp, \"8\"]"),
        format!("[bash, -c, \"vllm serve {MODEL} -tp 8\"]"),
    ] {
        let text = Set::default().text();
        let command = text.lines().find(|line| line.contains("command:")).unwrap();
        let text = text.replace(command, &format!("            args: {args}"));
        let deployment = deployment(&crate::import_harness::imported(&text));
        assert_eq!(
            (deployment.model.as_str(), deployment.engine.tensor_parallel_size),
            (MODEL, Some(8)),
            "{args}"
        );
    }
}

#[test]
fn quoted_arrows_are_words_and_open_quotes_errors() {
    let remarks =
        Set::script(&format!("echo '>x'; vllm serve {MODEL}; vllm serve other/model")).imported().remarks;
    assert!(remarks.iter().any(|remark| remark.contains("1 more serving command(s); the first one counts")));
    let error = Set::script(&format!("vllm serve {MODEL} --served-model-name \"a")).refused();
    assert!(error.contains("containers[0].command: the script has a `\"` that nothing closes"), "{error}");
}

#[test]
fn variables_are_put_into_the_values_of_later_ones() {
    let set = Set {
        command: "[vllm, serve, $(PATH_OF_MODEL), -tp, $(TP)]".to_owned(),
        container: "            env:\n              - {name: OWNER, value: meta-llama}\n              - {name: PATH_OF_MODEL, value: \
                    $(OWNER)/Llama-3.1-8B-Instruct}\n              - {name: TP, value: \"4\"}\n",
        ..Set::default()
    };
    assert_eq!(of(&set), (MODEL.to_owned(), Some(4)));
}

#[test]
fn an_error_stands_where_its_word_does() {
    let set = Set {
        command: "[vllm, serve]".to_owned(),
        container: "            args: [meta-llama/Llama-3.1-8B-Instruct, -tp, eight]\n",
        ..Set::default()
    };
    let error = set.refused();
    assert!(error.contains("m.yaml:14:19: ") && error.contains("containers[0].args"), "{error}");
}

#[test]
fn a_router_beside_the_engine_is_not_the_engine() {
    let set = Set {
        pod: "        containers2: []\n",
        container: "          - name: router\n            image: vllm/vllm-router:1\n            args: [--port, \"80\", elsewhere]\n",
        ..Set::default()
    };
    let text = set.text().replace("        containers2: []\n", "");
    let (engine, router) = text.split_once("          - name: router").unwrap();
    let (head, engine) = engine.split_once("          - name: engine").unwrap();
    let router_first = format!("{head}          - name: router{router}          - name: engine{engine}");
    let imported = crate::import_harness::imported(&router_first);
    assert_eq!(deployment(&imported).model, MODEL);
}

#[test]
fn hooks_sleep_in_every_unit_and_others_are_named() {
    let hook = |command: &str| {
        let container = format!("            lifecycle: {{preStop: {{exec: {{command: {command}}}}}}}\n");
        Set { container: Box::leak(container.into_boxed_str()), ..Set::default() }.imported()
    };
    for (command, expected) in [
        ("[sleep, 1m]", "1m"),
        ("[sh, -c, sleep 2.5]", "2500ms"),
        ("[sh, -c, \"/bin/sleep 30; kill 1\"]", "30s"),
    ] {
        let sleep = deployment(&hook(command)).pod.unwrap().pre_stop.unwrap().sleep;
        assert_eq!(sleep, expected.parse().unwrap(), "{command}");
    }
    let curl = hook("[curl, localhost/drain]");
    assert!(deployment(&curl).pod.is_none_or(|pod| pod.pre_stop.is_none()));
    assert!(curl.remarks.iter().any(|remark| remark.contains("lifecycle: ignored")), "{:?}", curl.remarks);
}
