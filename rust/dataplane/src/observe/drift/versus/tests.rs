//! Looking on while versions are compared.

use super::arm::Arm;
use super::*;
use serde_json::json;
use std::sync::mpsc;
use std::time::Duration;
use tidegate_core::document::Sha256;
use tidegate_core::oip::datatype::Datatype;
use tidegate_core::oip::signature::{Signature, TensorSpec};
use tidegate_core::sketch::{self, Traffic};

fn profiled() -> Profiled {
    let spec = TensorSpec { name: "x".to_owned(), datatype: Datatype::Fp32, dims: vec![-1], axes: vec![String::new()] };
    let feature = json!({
        "name": "x", "column": 0, "kind": "numeric", "edges": [0.5], "counts": [500, 500],
        "min": 0, "max": 1, "mean": 0.5, "sd": 0.5,
    });
    let tensor = json!({"name": "x", "direction": "input", "datatype": "FP32", "width": 1, "features": [feature]});
    let profile = json!({"format": "tidegate.profile/1", "rows": 1_000, "tensors": [tensor]});
    Profiled::read(profile.to_string().as_bytes(), &Signature { inputs: vec![spec], outputs: Vec::new() })
        .expect("it fits")
}

fn arm(place: usize) -> Arc<Arm> {
    let key = sketch::Key {
        route: "r".to_owned(),
        version: Sha256([place as u8; 32]),
        profile: Sha256([9; 32]),
        traffic: Traffic::Split,
    };
    let callers = Arc::new(Callers::new(Arc::new(profiled()), false));
    Arc::new(Arm { place, version: format!("m/{place}"), key, own: None, callers, unbound: vec![None] })
}

#[test]
fn whoever_looks_does_not_wait_for_whoever_compares() {
    let (route, monitor) = (Arc::<str>::from("r"), Monitor::default());
    let split = Arc::new(Split::of(&route, Sha256([7; 32]), "m/0".to_owned(), Ok(vec![arm(0), arm(1)])));
    let comparisons = Comparisons::default();
    comparisons.lock().splits.insert(Arc::clone(&route), Arc::clone(&split));
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| {
        // As it is held for as long as a month of windows takes.
        let comparing = split.following();
        scope.spawn(|| {
            let [report] = &comparisons.report("r", &monitor)[..] else { panic!("one version beside the stable one") };
            comparisons.watch(&BTreeMap::new());
            tell.send((report["version"].clone(), comparisons.gauges().len())).expect("it is waited for");
        });
        let found = told.recv_timeout(Duration::from_secs(10));
        drop(comparing);
        assert_eq!(found, Ok((json!("m/1"), 0)));
    });
}
