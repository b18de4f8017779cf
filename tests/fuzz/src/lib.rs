//! What all fuzz targets do: read a file as an import would, all the way to the report. Whatever is
//! in it, this ends, in bounded memory, without a panic.

use firstline::import::{Inputs, Plan, System, dry_run};

/// Reads a file as an export of `from`, or of whom its content says.
pub fn import(from: Option<System>, mut file: &[u8]) {
    let plan = Plan {
        from,
        mask: true,
        ..Plan::default()
    };
    if let Ok(inputs) = Inputs::keep("file", &mut file) {
        let sources = plan.recognise(inputs);
        let report = dry_run(sources.records(&plan, &|_| ()));
        let told = report.mapped + report.older + report.skipped + report.refused;
        assert_eq!(report.lines, told, "a record is lost: {report:?}");
    }
}

/// The file, and the system that its last byte names; a line end, as all seeds have it, names none.
pub fn import_as_named(data: &[u8]) {
    let Some((last, file)) = data.split_last() else {
        return;
    };
    match last {
        b'\n' => import(None, data),
        last => {
            let at = usize::from(*last) % System::ALL.len();
            import(System::ALL.get(at).copied(), file);
        }
    }
}
