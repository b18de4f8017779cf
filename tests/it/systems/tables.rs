//! Exports in rows: XML of ServiceNow, workbooks, what spreadsheets and shells make of texts.

use firstline::import::{ColumnMap, Inputs, Options, Plan};
use firstline::model::Kind;

use super::{read, read_path, read_with, write};

/// A list's export to XML has people and journals as records of their own, in any order.
#[test]
fn servicenow_xml_gives_whole_tickets() {
    let group = "0123456789abcdef0123456789abcdef";
    let journal = |element: &str, text: &str| {
        format!(
            "<sys_journal_field><element>{element}</element><element_id>a1</element_id>\
             <value>{text}</value><sys_created_on>2026-03-01 09:00:00</sys_created_on></sys_journal_field>"
        )
    };
    let xml = format!(
        "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"aaaa\">]><unload unload_date=\"2026-03-01\">\
         <incident action=\"INSERT_OR_UPDATE\"><number>INC1</number><sys_id>a1</sys_id>\
         <short_description>Mail &amp; &a; &#38; <![CDATA[<b>]]></short_description>\
         <assignment_group display_value=\"Mail\">{group}</assignment_group><caller_id>u1</caller_id>\
         <state>7</state><close_code>Solved (Permanently)</close_code><close_notes>Restarted.</close_notes>\
         <cmdb_ci display_value=\"\"/></incident>{}{}<sys_user><sys_id>u1</sys_id><name>Ann</name>\
         <email>ann@x.example</email></sys_user></unload>",
        journal("work_notes", "Ours."),
        journal("comments", "Yours."),
    );
    let found = read(&[("incident.xml", xml.clone())]);
    assert_eq!(found.taken_for, ["servicenow, records (XML)"]);
    let ticket = found.ticket("servicenow:INC1");
    assert_eq!(ticket.subject, "Mail & &a; & <b>", "no entity is expanded");
    assert_eq!(ticket.queue.as_deref(), Some("Mail"));
    assert_eq!(ticket.requester.as_deref(), Some("Ann <ann@x.example>"));
    assert_eq!(ticket.resolution.as_deref(), Some("Restarted."));
    let said: Vec<(&str, bool)> = ticket
        .comments
        .iter()
        .map(|comment| (comment.body.as_str(), comment.public))
        .collect();
    assert_eq!(said, [("Ours.", false), ("Yours.", true)]);

    let cut = xml.split_once("<sys_user>").unwrap().0.to_owned();
    let report = read(&[("incident.xml", cut)]).report;
    assert!(report.is_incomplete && report.tickets == 1, "{report:?}");
    let deep = format!("<unload>{}", "<a>".repeat(10_000));
    let report = read(&[("incident.xml", deep)]).report;
    assert!(report.problems[0].detail.contains("deep"), "{report:?}");
}

/// A workbook of one sheet; cells by place and text.
fn workbook(cells: &[(&str, &str)]) -> Vec<u8> {
    use std::io::Write;
    const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let rows: String = cells
        .iter()
        .map(|(place, text)| {
            let row = place.trim_start_matches(|c: char| c.is_ascii_alphabetic());
            let cell = match text.parse::<f64>() {
                Ok(number) => format!("<c r=\"{place}\" s=\"1\"><v>{number}</v></c>"),
                Err(_) => format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{text}</t></is></c>"),
            };
            format!("<row r=\"{row}\">{cell}</row>")
        })
        .collect();
    let parts = [
        ("[Content_Types].xml", "<Types/>".to_owned()),
        (
            "_rels/.rels",
            format!(
                "<Relationships><Relationship Id=\"r1\" Type=\"{RELATIONS}/officeDocument\" \
                 Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{RELATIONS}\"><sheets><sheet name=\"Page 1\" \
                 sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships><Relationship Id=\"r1\" Type=\"{RELATIONS}/worksheet\" \
                 Target=\"worksheets/sheet1.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/styles.xml",
            format!(
                "<styleSheet xmlns=\"{MAIN}\"><cellXfs count=\"2\"><xf numFmtId=\"0\"/>\
                 <xf numFmtId=\"22\" applyNumberFormat=\"1\"/></cellXfs></styleSheet>"
            ),
        ),
        (
            "xl/worksheets/sheet1.xml",
            format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{rows}</sheetData></worksheet>"),
        ),
    ];
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for (name, content) in parts {
        zip.start_file(name, options).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Lists go out as workbooks more often than as anything else.
#[test]
fn workbooks_are_read_like_csv() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("incident.xlsx");
    let cells = [
        ("A1", "Number"),
        ("B1", "Short description"),
        ("C1", "State"),
        ("D1", "Opened"),
        ("A2", "INC1"),
        ("B2", "No mail &amp; no phone"),
        ("C2", "On Hold"),
        ("D2", "46082.5"),
        // A single cell in the last corner must not be a sheet of billions.
        ("XFD1048576", "far"),
    ];
    std::fs::write(&path, workbook(&cells)).unwrap();
    let found = read_path(&path, &Plan::default());
    assert_eq!(found.taken_for, ["servicenow, workbook (XLSX)"]);
    let ticket = found.ticket("servicenow:INC1");
    assert_eq!(ticket.subject, "No mail & no phone");
    assert_eq!(ticket.status.as_deref(), Some("on_hold"));
    assert_eq!(
        ticket.created_at.unwrap().to_string(),
        "2026-03-01T12:00:00Z"
    );

    let columns = ["id=Number", "subject=Short description"].map(str::to_owned);
    let plan = Plan {
        options: Options {
            default_kind: Some(Kind::Ticket),
        },
        columns: ColumnMap::parse(&columns).unwrap(),
        ..Plan::default()
    };
    let own = read_path(&path, &plan);
    assert_eq!(own.ticket("INC1").extra["state"], "On Hold");
    std::fs::write(&path, &workbook(&cells)[..900]).unwrap();
    assert!(Inputs::open(&path).is_err(), "a cut archive");
}

/// What shells and spreadsheets make of an export must not lose a character of it.
#[test]
fn texts_of_windows_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let csv = b"Number;Short description;State\nINC1;\"Caf\xe9; closed\";Closed\n";
    std::fs::write(folder.path().join("list.csv"), csv).unwrap();
    let json =
        "{\"result\":[{\"number\":\"INC2\",\"sys_id\":\"a\",\"short_description\":\"Caf\u{e9}\"}]}";
    let wide: Vec<u8> = json.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let wide = [&[0xff, 0xfe], wide.as_slice()].concat();
    std::fs::write(folder.path().join("incidents.json"), wide).unwrap();
    let found = read_path(folder.path(), &Plan::default());
    assert_eq!(found.ticket("servicenow:INC1").subject, "Caf\u{e9}; closed");
    assert_eq!(found.ticket("servicenow:INC2").subject, "Caf\u{e9}");
}

/// A table gives the clock of whoever exported it, which only the desk knows.
#[test]
fn the_desk_names_the_zone_of_its_dates() {
    let csv = "Summary,Issue key,Status,Created\nx,SD-1,Done,12/Mar/26 9:41 AM\n";
    let files = [("export.csv", csv.to_owned())];
    let created = |mapping: &str| {
        let read = read_with(mapping, &files);
        read.ticket("jira:SD-1").created_at.unwrap().to_string()
    };
    assert_eq!(created(""), "2026-03-12T09:41:00Z");
    assert_eq!(
        created("[jira]\nzone = \"America/New_York\"\n"),
        "2026-03-12T13:41:00Z"
    );
}

/// Only where every comment is open is the last of them the answer.
#[test]
fn comments_of_the_jira_export_answer_outside_of_service_desks() {
    let row = |key: &str, project: &str| {
        format!(
            "x,{key},Done,Done,{project},Done,Ann,12/Mar/26 9:50 AM;bob;New drum.,12/Mar/26 9:55 AM;Ann;Thanks.\n"
        )
    };
    let csv = format!(
        "Summary,Issue key,Status,Status Category,Project type,Resolution,Reporter,Comment,Comment\n{}{}",
        row("SW-1", "software"),
        row("SD-1", "service_desk")
    );
    let found = read(&[("export.csv", csv)]);
    let open = found.ticket("jira:SW-1");
    assert_eq!(open.resolution.as_deref(), Some("New drum."));
    let desk = found.ticket("jira:SD-1");
    assert_eq!(desk.resolution, None);
    assert!(desk.comments.iter().all(|comment| !comment.public));
}

/// A pause for the caller is the caller's turn; a group's row may have any of the three shapes.
#[test]
fn servicenow_reasons_and_rows_of_all_shapes_are_understood() {
    let folder = tempfile::tempdir().unwrap();
    let both = |text: &str| serde_json::json!({"display_value": text, "value": text});
    let files = [
        (
            "incidents.json",
            serde_json::json!({"result": [
                {"number": "INC1", "short_description": "a", "state": "3", "hold_reason": "1",
                    "assignment_group": {"value": "g1"}},
                {"number": "INC2", "short_description": "b", "state": "On Hold",
                    "hold_reason": "Awaiting Vendor"}]})
            .to_string(),
        ),
        (
            "groups.json",
            serde_json::json!({"result": [{"sys_id": both("g1"), "name": both("Mail")}]}).to_string(),
        ),
        (
            "found.json",
            serde_json::json!({"result": {"articles": [{"id": "kb_knowledge:k", "rank": 1,
                "link": "?id=k", "number": "KB1", "title": "Mail", "snippet": "Restart <B>mail</B>"}]}})
            .to_string(),
        ),
    ];
    write(folder.path(), &files);
    let found = read_path(folder.path(), &Plan::default());
    let first = found.ticket("servicenow:INC1");
    assert_eq!(
        (first.status.as_deref(), first.queue.as_deref()),
        (Some("pending"), Some("Mail"))
    );
    assert_eq!(
        found.ticket("servicenow:INC2").status.as_deref(),
        Some("on_hold")
    );
    let article = found.article("servicenow:KB1");
    assert_eq!(
        (article.body.as_str(), article.state),
        ("Restart mail", firstline::model::ArticleState::Published)
    );
    assert_eq!(article.visibility, firstline::Visibility::Internal);
}
