//! What an hour of a machine costs, and what is said where no price is known.

use towtank::{
    catalog::Catalog,
    hardware::{Commitment, HourlyPrice, PriceError, PriceQuery, Provisioning, hourly_price},
};

const QUERY: PriceQuery<'static> = PriceQuery {
    machine: "a3-highgpu-8g",
    region: "us-central1",
    provisioning: Provisioning::Standard,
    commitment: None,
    discount: 0.0,
    usd_per_node_hour: None,
};

fn price(query: &PriceQuery<'_>) -> Result<HourlyPrice, PriceError> {
    hourly_price(&Catalog::builtin(), query)
}

fn usd(query: &PriceQuery<'_>) -> f64 {
    price(query).unwrap().usd_per_hour
}

fn same(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found}, expected {expected}");
}

#[test]
fn prices_follow_region_provisioning_and_commitment() {
    let price_of = |query: &PriceQuery<'_>| (usd(query) * 100.0).round() / 100.0;
    same(price_of(&QUERY), 88.49);
    same(price_of(&PriceQuery { region: "europe-west4", ..QUERY }), 112.54);
    same(price_of(&PriceQuery { provisioning: Provisioning::Spot, ..QUERY }), 53.09);
    same(price_of(&PriceQuery { provisioning: Provisioning::FlexStart, ..QUERY }), 38.32);
    same(price_of(&PriceQuery { provisioning: Provisioning::Reservation, ..QUERY }), 88.49);
    same(price_of(&PriceQuery { commitment: Some(Commitment::OneYear), ..QUERY }), 61.38);
    same(price_of(&PriceQuery { commitment: Some(Commitment::ThreeYears), ..QUERY }), 38.86);
    same(price_of(&PriceQuery { discount: 0.22, ..QUERY }), 69.02);
    let price = price(&QUERY).unwrap();
    assert_eq!(price.date, "2026-08-20");
    assert!(price.source.contains("google-cloud-pricing-cost-calculator") && !price.recalled);
}

#[test]
fn the_users_own_price_goes_first() {
    let own = PriceQuery { machine: "mine", usd_per_node_hour: Some(12.5), discount: 0.5, ..QUERY };
    assert!((usd(&own) - 12.5).abs() < 1e-12);
}

#[test]
fn a_price_nobody_knows_is_refused_with_what_is_known() {
    let text = |query: &PriceQuery<'_>| price(query).unwrap_err().to_string();
    assert_eq!(
        text(&PriceQuery { machine: "a3-higpu-8g", ..QUERY }),
        "machine: the catalogue has no price of `a3-higpu-8g`; did you mean `a3-highgpu-8g`?; set usd_per_node_hour"
    );
    assert_eq!(
        text(&PriceQuery { machine: "a3-highgpu-2g", region: "mars-north1", ..QUERY }),
        "region: the catalogue has no price of `a3-highgpu-2g` in `mars-north1` (it has us-central1, europe-west4, \
         us-east4); set usd_per_node_hour"
    );
    assert_eq!(
        text(&PriceQuery { machine: "a4-highgpu-8g", region: "us-east4", ..QUERY }),
        "provisioning: the catalogue has no standard price of `a4-highgpu-8g` in `us-east4` (it has spot, \
         flex-start); set usd_per_node_hour"
    );
    let spot =
        PriceQuery { provisioning: Provisioning::Spot, commitment: Some(Commitment::OneYear), ..QUERY };
    assert_eq!(text(&spot), "commitment: spot machines have no commitment price");
    assert_eq!(text(&PriceQuery { discount: 1.0, ..QUERY }), "discount: 1 must be at least 0 and below 1");
    assert!(price(&PriceQuery { discount: f64::NAN, ..QUERY }).is_err());
}

/// Order of list prices: committed and preemptible use never cost more than on-demand.
#[test]
fn no_discount_is_a_surcharge() {
    let catalog = Catalog::builtin();
    for (machine, regions) in catalog.section("prices").unwrap() {
        for (region, entry) in regions.as_object().unwrap() {
            let value = |terms: &str| entry.get(terms).map(|fact| fact["value"].as_f64().unwrap());
            let Some(standard) = value("standard") else { continue };
            for terms in ["spot", "flex-start", "commitment-1y", "commitment-3y"] {
                assert!(
                    value(terms).is_none_or(|v| v < standard && v > 0.1 * standard),
                    "{machine} {region} {terms}"
                );
            }
        }
    }
}
