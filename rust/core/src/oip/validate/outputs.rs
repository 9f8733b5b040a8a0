//! The outputs that a request asks for.

use super::check::Check;
use crate::fault::{Reason, quoted};
use crate::oip::parameters::find;
use crate::oip::request::RequestedOutput;
use crate::oip::text::names;

/// Parameters of requested outputs that change what the output is, so that passing over them would answer wrongly.
const REFUSED: [(&str, Reason); 2] =
    [("classification", Reason::UnsupportedParameter), ("shared_memory_region", Reason::SharedMemoryDisabled)];

impl Check<'_> {
    pub(super) fn outputs(&mut self) {
        let (head, message, signature) = (self.head, self.message, self.signature);
        if head.outputs.is_empty() {
            self.plan.outputs.extend(0..signature.outputs.len() as u16);
            return;
        }
        for (index, output) in head.outputs.iter().enumerate() {
            let name = output.name.text(message);
            let field = || format!("outputs[{index}].name");
            match signature.outputs.iter().position(|spec| spec.name == name) {
                None => self.faults.add(Reason::UnknownOutput, field, || {
                    format!("output \"{}\" is not one of the model's: {}", quoted(name), names(&signature.outputs))
                }),
                Some(place) if self.plan.outputs.contains(&(place as u16)) => {
                    let sentence = || format!("output \"{name}\" is asked for more than once");
                    self.faults.add(Reason::DuplicateOutput, field, sentence);
                }
                Some(place) => self.plan.outputs.push(place as u16),
            }
            self.output_parameters(index, output);
        }
    }

    fn output_parameters(&mut self, index: usize, output: &RequestedOutput) {
        let parameters = self.head.output_parameters(output);
        for (key, reason) in REFUSED {
            if find(parameters, self.message, key.as_bytes()).is_some() {
                let name = output.name.text(self.message);
                self.faults.add(
                    reason,
                    || format!("outputs[{index}].parameters[\"{key}\"]"),
                    || {
                        format!(
                            "output \"{}\": the parameter \"{key}\" is not offered; take the whole output",
                            quoted(name)
                        )
                    },
                );
            }
        }
    }
}
