"""Holds schedules of the literal scheduler against vLLM's own.

    python3 .ci/vllm/replay.py SOURCES SCHEDULES.jsonl
    python3 .ci/vllm/replay.py --releases

SOURCES holds a folder a release, named by its version, with the unpacked sources of vLLM. SCHEDULES.jsonl is what
`TOWTANK_REPLAY=SCHEDULES.jsonl cargo test --test integration schedules_for_vllm -- --ignored` writes: for each scenario
the configuration and, in order, each request added or aborted and each call of `schedule` and `update_from_output`, with
what the literal scheduler answered. The same calls go to the scheduler of the scenario's release, which is plain Python;
all that it imports from outside of `vllm/v1/core` and needs no GPU for is replaced by objects that do nothing.
"""

import collections
import importlib
import importlib.abc
import importlib.machinery
import inspect
import json
import pathlib
import subprocess
import sys
import traceback
import types

# The folder under SOURCES that stands for a scenario's version, where several patch releases exist.
RELEASES = {
    "0.8.5": "0.8.5", "0.9.2": "0.9.2", "0.10.2": "0.10.2", "0.11.1": "0.11.1", "0.12": "0.12.0", "0.13": "0.13.0",
    "0.16": "0.16.0", "0.18": "0.18.0", "0.20": "0.20.2", "0.22": "0.22.1", "0.23": "0.23.0", "0.24": "0.24.0",
    "0.26": "0.26.0", "0.27": "0.27.0", "0.28": "0.28.0", "0.30": "0.30.0", "0.31": "0.31.0", "0.33": "0.33.0",
}

# Modules whose own code decides what is scheduled.
REAL = (
    "vllm.v1.core", "vllm.v1.request", "vllm.v1.kv_cache_interface", "vllm.v1.kv_cache_spec_registry",
    "vllm.utils.math_utils", "vllm.v1.core.sched", "vllm.v1.kv_cache_spec",
)
STUBBED = ("vllm.v1.core.encoder_cache_manager",)
OUTSIDE = ("vllm", "torch", "numpy", "msgspec", "cbor2", "xxhash", "cachetools", "zmq", "pydantic", "transformers")


class Nil:
    """Does nothing, is false, and hands itself on."""

    def __init__(self, *args, **kwargs):
        self.__dict__.update(kwargs)

    def __getattr__(self, name):
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Nil()

    def __call__(self, *args, **kwargs):
        return Nil()

    def __bool__(self):
        return False

    def __iter__(self):
        return iter(())

    def __len__(self):
        return 0

    def __contains__(self, item):
        return False

    def __index__(self):
        return 0

    def __enter__(self):
        return self

    def __exit__(self, *args):
        return False

    def __or__(self, other):
        return Nil()

    __ror__ = __or__

    def __getitem__(self, item):
        return Nil()

    def __add__(self, other):
        return other

    __radd__ = __add__


class StubType(type):
    """A class that can be subclassed, decorate, be subscripted and be asked for any attribute."""

    def __call__(cls, *args, **kwargs):
        if cls.__module__ == "stub" and len(args) == 1 and not kwargs and callable(args[0]) and not isinstance(args[0], Nil):
            return args[0]  # used as a decorator
        return super().__call__(*args, **kwargs)

    def __getattr__(cls, name):
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Nil()

    def __getitem__(cls, item):
        return cls

    def __or__(cls, other):
        return cls

    __ror__ = __or__


def stub_class(name):
    return StubType(name, (Nil,), {"__module__": "stub"})


class StubModule(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        if name == "envs":
            return importlib.import_module("vllm.envs")
        if name.isupper():
            return None if self.__name__ == "vllm.envs" else Nil()
        value = SPECIAL.get(name) or stub_class(name)
        setattr(self, name, value)
        return value


class Config:
    """A configuration: fields as given, everything else None."""

    def __init__(self, **fields):
        self.__dict__.update(fields)

    def __getattr__(self, name):
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return None


def cdiv(a, b):
    return -(-a // b)


SPECIAL = {
    "cdiv": cdiv,
    "round_up": lambda a, b: cdiv(a, b) * b,
    "round_down": lambda a, b: a // b * b,
    "ConstantList": lambda items: items,
    "length_from_prompt_token_ids_or_embeds": lambda ids, embeds: len(ids),
    "sha256": hash, "sha256_cbor": hash, "sha256_cbor_64bit": hash,
    "get_dtype_size": lambda dtype: 2,
    "is_list_of": lambda value, kind, check="first": isinstance(value, list),
    "compute_encoder_budget": lambda *args, **kwargs: (0, 0),
    "StructuredOutputRequest": Config(from_sampling_params=lambda params: None),
    "init_logger": lambda name: Nil(),
    "get_mm_features_in_window": lambda *args, **kwargs: [],
}


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, source):
        self.source = source

    def find_spec(self, name, path, target=None):
        if name.split(".")[0] not in OUTSIDE:
            return None
        real = name.startswith(REAL) and name not in STUBBED
        file = self.source / pathlib.Path(*name.split("."))
        if real:
            for candidate, package in ((file / "__init__.py", True), (file.with_suffix(".py"), False)):
                if candidate.exists():
                    locations = [str(file)] if package else None
                    return importlib.util.spec_from_file_location(
                        name, candidate, submodule_search_locations=locations
                    )
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        module = StubModule(spec.name)
        module.__path__ = []
        return module

    def exec_module(self, module):
        pass


class Tokens(list):
    """What the model runner hands back for a request; an array of numpy in some releases."""

    def tolist(self):
        return list(self)


def version_of(text):
    return tuple(int(part) for part in text.split("."))[:2]


def token(prior, stream, offset):
    return hash((prior, stream, offset)) & 0x7FFFFFFF


def tokens_of(op, length):
    """The tokens of a request, prompt and answer, as far as `length`."""
    tokens, prior = [], ()
    for stream, count in op["segments"]:
        tokens += [token(prior, stream, offset) for offset in range(count)]
        prior += ((stream, count),)
    tokens = tokens[:length]
    return tokens + [token(prior, op["tail"], offset) for offset in range(length - len(tokens))]


def accepted(callee, fields):
    """The fields that this release's callee takes."""
    names = inspect.signature(callee).parameters
    return {name: value for name, value in fields.items() if name in names}


class Replay:
    def __init__(self, scenario):
        self.scenario = scenario
        self.version = version_of(scenario["version"])
        asynchronous = scenario["async_scheduling"]
        sched = importlib.import_module("vllm.v1.core.sched.scheduler")
        name, module = "Scheduler", sched
        if asynchronous:
            module = importlib.import_module("vllm.v1.core.sched.async_scheduler")
            name = "AsyncScheduler"
        self.request_module = importlib.import_module("vllm.v1.request")
        if "__lt__" not in vars(self.request_module.Request):
            # Before 0.15 equal arrivals under PRIORITY are an error of Python's heap; here the name decides, as later.
            self.request_module.Request.__lt__ = lambda a, b: a.request_id < b.request_id
        self.make_config()
        self.patch_stop(sched)
        scheduler = getattr(module, name)
        fields = accepted(sched.Scheduler.__init__, {
            "vllm_config": self.config, "kv_cache_config": self.kv_cache_config,
            "structured_output_manager": Nil(accept_tokens=lambda *a: True), "block_size": scenario["block_size"],
            "hash_block_size": scenario["block_size"], "log_stats": False,
        })
        self.scheduler = scheduler(**fields)
        self.requests, self.content, self.in_flight = {}, {}, collections.deque()

    def make_config(self):
        scenario = self.scenario
        kv = importlib.import_module("vllm.v1.kv_cache_interface")
        stages = scenario["pipeline_parallel_size"]
        v2 = self.version >= (0, 25)
        spec_fields = accepted(kv.FullAttentionSpec, {
            "block_size": scenario["block_size"], "num_kv_heads": 1, "head_size": 1, "dtype": Nil(),
            "use_mla": False, "sliding_window": None,
        })
        spec = kv.FullAttentionSpec(**spec_fields)
        group = kv.KVCacheGroupSpec(["layer"], spec)
        fields = accepted(kv.KVCacheConfig, {
            "num_blocks": scenario["num_gpu_blocks"], "kv_cache_tensors": [], "tensors": {}, "kv_cache_groups": [group],
        })
        self.kv_cache_config = kv.KVCacheConfig(**fields)
        scheduler = Config(
            max_num_seqs=scenario["max_num_seqs"], max_num_batched_tokens=scenario["max_num_batched_tokens"],
            max_num_scheduled_tokens=None, max_num_encoder_input_tokens=0, encoder_cache_size=0,
            max_model_len=scenario["max_model_len"], policy=scenario["policy"],
            enable_chunked_prefill=scenario["enable_chunked_prefill"],
            chunked_prefill_enabled=scenario["enable_chunked_prefill"],
            long_prefill_token_threshold=scenario["long_prefill_token_threshold"],
            async_scheduling=scenario["async_scheduling"], watermark=scenario["watermark"],
            scheduler_reserve_full_isl=True, prefill_schedule_interval=1, disable_hybrid_kv_cache_manager=False,
            num_lookahead_slots=0, long_prefill_token_threshold_adaptive=False,
        )
        model = Config(
            max_model_len=scenario["max_model_len"], is_encoder_decoder=False, runner_type="generate",
            is_diffusion=False, supports_multimodal_inputs=False, uses_mrope=False, is_multimodal_model=False,
            enable_return_routed_experts=False, is_hybrid=False,
        )
        self.config = Config(
            scheduler_config=scheduler, model_config=model,
            cache_config=Config(
                num_gpu_blocks=scenario["num_gpu_blocks"], block_size=scenario["block_size"],
                enable_prefix_caching=scenario["enable_prefix_caching"], prefix_caching_hash_algo="builtin",
                mamba_cache_mode="none",
            ),
            parallel_config=Config(
                pipeline_parallel_size=stages, decode_context_parallel_size=1, prefill_context_parallel_size=1,
                data_parallel_size=1, data_parallel_rank=0, data_parallel_index=0,
            ),
            observability_config=Config(kv_cache_metrics=False, enable_mfu_metrics=False),
            aux_output_config=Config(enabled=False),
            ec_manager_config=Config(get_encoder_cache_manager_obj=lambda: None),
            num_speculative_tokens=0, num_lookahead_tokens=0, num_prefill_lookahead_tokens=0,
            num_hash_lookahead_tokens=0, use_v2_model_runner=v2,
            max_concurrent_batches=scenario["batches_in_flight"], is_mm_encoder_only=False,
            max_in_flight_tokens=scenario["batches_in_flight"] * scenario["max_num_batched_tokens"],
        )
        envs = sys.modules.get("vllm.envs") or importlib.import_module("vllm.envs")
        envs.VLLM_USE_V2_MODEL_RUNNER = v2
        envs.VLLM_XPU_PP_MICROBATCH = False
        envs.VLLM_KV_EVENTS_USE_INT_BLOCK_HASHES = False

    def patch_stop(self, sched):
        """The model ends an answer after `output_tokens`; what its last token is does not matter to the cache."""
        status = self.request_module.RequestStatus
        if not hasattr(sched, "original_check_stop"):
            sched.original_check_stop = sched.check_stop

        def check_stop(request, *args, **kwargs):
            if sched.original_check_stop(request, *args, **kwargs):
                return True
            if len(request._output_token_ids) >= request.stop_after:
                request.status = status.FINISHED_STOPPED
                return True
            return False

        sched.check_stop = check_stop

    def add(self, op):
        Request = self.request_module.Request
        sampling = Config(
            max_tokens=op["max_tokens"], min_tokens=0, stop_token_ids=[], eos_token_id=None, all_stop_token_ids=set(),
            extra_args=None, logprobs=None, prompt_logprobs=None, guided_decoding=None, structured_outputs=None,
            skip_reading_prefix_cache=False, repetition_detection=None,
        )
        length = op["prompt_tokens"] + op["max_tokens"] + 1
        tokens = tokens_of(op, length)
        fields = {
            "request_id": op["name"], "prompt_token_ids": tokens[: op["prompt_tokens"]], "sampling_params": sampling,
            "pooling_params": None, "eos_token_id": None, "arrival_time": op["arrival"], "priority": op["priority"],
            "multi_modal_inputs": None, "multi_modal_kwargs": None, "multi_modal_hashes": None,
            "multi_modal_placeholders": None, "mm_features": None,
        }
        if "block_hasher" in Request.__init__.__code__.co_varnames:
            utils = importlib.import_module("vllm.v1.core.kv_cache_utils")
            utils.init_none_hash(hash)
            hash_of = lambda value: hash(value).to_bytes(8, "big", signed=True)
            caching = self.scenario["enable_prefix_caching"]
            utils.NONE_HASH = b"none"
            hasher = utils.get_request_block_hasher(self.scenario["block_size"], hash_of)
            fields["block_hasher"] = hasher if caching else None
        request = Request(**accepted(Request.__init__, fields))
        request.stop_after = max(op["output_tokens"], 1)
        self.requests[op["id"]] = request
        self.content[op["name"]] = (op["id"], tokens)
        self.scheduler.add_request(request)

    def state(self):
        scheduler = self.scheduler
        waiting = len(scheduler.waiting)
        for name in ("skipped_waiting", "kv_holding_waiting"):
            waiting += len(getattr(scheduler, name, ()))
        free = scheduler.kv_cache_manager.block_pool.get_num_free_blocks()
        return {"running": len(scheduler.running), "waiting": waiting, "free_blocks": free}

    def schedule(self, op):
        placeholders = {name: getattr(request, "num_output_placeholders", 0) for name, request in self.live()}
        status = self.request_module.RequestStatus
        running = {name for name, request in self.live() if request.status == status.RUNNING}
        if self.version >= (0, 27):  # a preemption sets them back
            preempt = self.scheduler._preempt_request

            def zeroed(request, *args, **kwargs):
                preempt(request, *args, **kwargs)
                placeholders[request.request_id] = request.num_output_placeholders

            self.scheduler._preempt_request = zeroed
        output = self.scheduler.schedule()
        self.scheduler.__dict__.pop("_preempt_request", None)
        counts = {self.content[name][0]: n for name, n in output.num_scheduled_tokens.items()}
        preempted = {
            self.content[name][0] for name, request in self.live() if request.status == status.PREEMPTED and name in running
        }
        samples = []
        for name in output.num_scheduled_tokens:
            request = self.scheduler.requests[name]
            if self.scenario["async_scheduling"]:
                complete = request.num_output_placeholders > placeholders[name]
            else:
                complete = request.num_computed_tokens >= request.num_tokens
            if complete:
                samples.append(name)
        if op["dispatched"]:
            self.in_flight.append((output, samples))
        return {
            "order": list(counts), "scheduled": counts, "preempted": preempted,
            "samples": [self.content[name][0] for name in samples],
        }

    def live(self):
        return self.scheduler.requests.items()

    def update(self, op):
        output, samples = self.in_flight.popleft()
        names = list(output.num_scheduled_tokens)
        before = set(self.scheduler.requests)
        sampled = []
        for name in names:
            request = self.scheduler.requests.get(name)
            if name in samples and request is not None:
                sampled.append(Tokens([self.content[name][1][min(request.num_tokens, len(self.content[name][1]) - 1)]]))
            else:
                sampled.append(Tokens([0] if name in samples else []))
        result = Config(
            sampled_token_ids=sampled, req_id_to_index={name: index for index, name in enumerate(names)},
            req_ids=names, prompt_logprobs_dict={}, prompt_token_id_logprobs_dict={}, pooler_output=[], spec_token_ids=None,
        )
        self.scheduler.update_from_output(output, result)
        gone = before - set(self.scheduler.requests)
        return {"finished": {self.content[name][0] for name in gone}}

    def abort(self, op):
        names = [self.requests[id].request_id for id in op["ids"]]
        status = self.request_module.RequestStatus.FINISHED_ABORTED
        for name in names:
            self.scheduler.finish_requests(name, status)

    def run(self):
        for index, op in enumerate(self.scenario["ops"]):
            if op["op"] == "add":
                self.add(op)
            elif op["op"] == "abort":
                self.abort(op)
            else:
                got = self.schedule(op) if op["op"] == "schedule" else self.update(op)
                got |= self.state()
                want = {key: op[key] for key in got}
                if "scheduled" in want:
                    want["scheduled"] = {int(id): n for id, n in want["scheduled"].items()}
                for key in ("preempted", "finished"):
                    if key in want:
                        want[key] = set(want[key])
                if got != want:
                    wrong = {key: (got[key], want[key]) for key in got if got[key] != want[key]}
                    return f"op {index} ({op['op']}): " + "; ".join(
                        f"{key}: vLLM {mine}, here {yours}" for key, (mine, yours) in wrong.items()
                    )
        return None


def one_release(source, path, release):
    """Replays the scenarios of one release; prints a line for each that differs."""
    sys.meta_path.insert(0, Finder(source))
    same, wrong = collections.Counter(), collections.Counter()
    for line in open(path):
        scenario = json.loads(line)
        if RELEASES.get(scenario["version"]) != release:
            continue
        kind = ("async" if scenario["async_scheduling"] else "sync") + f" pp{scenario['pipeline_parallel_size']}"
        try:
            error = Replay(scenario).run()
        except AssertionError as failed:
            frame = traceback.extract_tb(failed.__traceback__)[-1]
            error = f"vLLM's own assertion: {frame.name}:{frame.lineno} {frame.line}"
        if error is None:
            same[kind] += 1
        else:
            wrong[kind] += 1
            print(f"{release} seed {scenario['seed']} {kind} {scenario['policy']}: {error}")
    for kind in sorted(same | wrong):
        print(f"{release} {kind}: {same[kind]} equal, {wrong[kind]} different")
    return sum(wrong.values())


def main():
    if sys.argv[1:] == ["--releases"]:
        print("\n".join(RELEASES.values()))
        return
    sources, path = pathlib.Path(sys.argv[1]), sys.argv[2]
    if len(sys.argv) == 4:
        sys.exit(1 if one_release(sources / sys.argv[3], path, sys.argv[3]) else 0)
    missing = [release for release in RELEASES.values() if not (sources / release).is_dir()]
    if missing:
        sys.exit(f"no sources under {sources} of: {', '.join(missing)}")
    failed = 0
    for release in RELEASES.values():
        failed += subprocess.run([sys.executable, __file__, str(sources), path, release]).returncode != 0
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
