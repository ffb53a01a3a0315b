//! The formulas that are fitted, and their constants as lists of numbers.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::calls::{Call, Kernel};
use crate::catalog::{Catalog, CatalogError};
use crate::hardware::Gpu;
use crate::timing::{
    Attention, BlasConstants, Curve, CurveConstants, CutlassConstants, DecodeAttention, DecodeConstants,
    Gemm, KernelConstants, LocalLinks, PrefillConstants,
};

/// What the catalogue knows of the GPU that was measured.
pub(super) struct Known<'a> {
    gpu: &'a Gpu,
    constants: KernelConstants,
    links: Option<LocalLinks>,
}

/// Constants of one kernel in the order of their names.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Constants(Map<String, Value>);

/// A kernel's formula with its constants.
pub(super) enum Formula {
    Product(Gemm),
    Decode { attention: DecodeAttention, cache: f64 },
    Prefill(Attention),
    Message(Curve),
}

impl<'a> Known<'a> {
    pub(super) fn new(catalog: &Catalog, gpu: &'a Gpu, link: Option<&str>) -> Result<Self, CatalogError> {
        let links = link.map(|name| LocalLinks::of(catalog, name)).transpose()?;
        Ok(Self { gpu, constants: KernelConstants::of(catalog, gpu)?, links })
    }

    /// The catalogue's constants of a kernel; nothing where it has none, as for peer memory over PCI Express.
    pub(super) fn constants(&self, kernel: Kernel, gpus: Option<u32>) -> Option<Constants> {
        let of = &self.constants;
        let curve = |curve: &Curve| Constants::new(&CurveConstants::from(curve));
        let links = || self.links.as_ref();
        let gpus = gpus.unwrap_or_default();
        Some(match kernel {
            Kernel::GemmBf16 => Constants::new(&of.gemm_bf16),
            Kernel::GemmFp8 => Constants::new(&of.gemm_fp8),
            Kernel::DecodeBf16 => Constants::new(&of.decode_bf16_kv),
            Kernel::DecodeFp8 => Constants::new(&of.decode_fp8_kv),
            Kernel::PrefillBf16 => Constants::new(&of.prefill_bf16_kv),
            Kernel::PrefillFp8 => Constants::new(&of.prefill_fp8_kv),
            Kernel::Peer => curve(links()?.peer.as_ref()?.at(gpus)),
            Kernel::Nccl => curve(links()?.nccl.at(gpus)),
            Kernel::AllGather => curve(links()?.all_gather.at(gpus)),
            Kernel::Send => curve(&links()?.send),
        })
    }

    /// The formula of a kernel with `constants`.
    pub(super) fn formula(&self, kernel: Kernel, constants: &Constants) -> Formula {
        let gpu = self.gpu;
        match kernel {
            Kernel::GemmBf16 => Formula::Product(constants.read::<BlasConstants>().gemm(gpu)),
            Kernel::GemmFp8 => Formula::Product(constants.read::<CutlassConstants>().gemm(gpu)),
            Kernel::DecodeBf16 | Kernel::DecodeFp8 => Formula::Decode {
                attention: constants.read::<DecodeConstants>().attention(gpu),
                cache: gpu.l2_cache.unwrap_or(0.0),
            },
            Kernel::PrefillBf16 => Formula::Prefill(Attention {
                decode: self.constants.decode_bf16_kv.attention(gpu),
                prefill: constants.read::<PrefillConstants>().attention(),
            }),
            Kernel::PrefillFp8 => Formula::Prefill(Attention {
                decode: self.constants.decode_fp8_kv.attention(gpu),
                prefill: constants.read::<PrefillConstants>().attention(),
            }),
            Kernel::Peer | Kernel::Nccl | Kernel::AllGather | Kernel::Send => {
                Formula::Message(constants.read::<CurveConstants>().curve())
            }
        }
    }
}

impl Constants {
    fn new(of: &impl Serialize) -> Self {
        match serde_json::to_value(of) {
            Ok(Value::Object(fields)) => Self(fields),
            other => unreachable!("constants are fields with numbers, not {other:?}"),
        }
    }

    fn read<T: DeserializeOwned>(&self) -> T {
        serde_json::from_value(Value::Object(self.0.clone())).expect("the fields it was made of")
    }

    /// The numbers.
    pub(super) fn numbers(&self) -> Vec<f64> {
        self.0.values().filter_map(Value::as_f64).collect()
    }

    /// Where a field stands among the numbers.
    pub(super) fn place(&self, field: &str) -> Option<usize> {
        self.0.keys().position(|name| name == field)
    }

    /// The same fields with other numbers.
    pub(super) fn with(&self, numbers: &[f64]) -> Self {
        let fields = self.0.keys().cloned().zip(numbers.iter().map(|number| Value::from(*number)));
        Self(fields.collect())
    }

    pub(super) fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}

impl Formula {
    /// Time of a call [ns].
    pub(super) fn time(&self, call: &Call) -> f64 {
        match (self, call) {
            (Self::Product(gemm), Call::Product { m, n, k }) => gemm.time(*m, *n, *k),
            (Self::Decode { attention, cache }, Call::Attention { shape, batch }) => {
                attention.repeated(shape, batch, *cache)
            }
            (Self::Prefill(attention), Call::Attention { shape, batch }) => attention.time(shape, batch),
            (Self::Message(curve), Call::Message { bytes, .. }) => curve.time(*bytes),
            _ => unreachable!("a row's call is one of its kernel"),
        }
    }
}
