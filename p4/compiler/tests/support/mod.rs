//! Programs around the few lines that a test is about, and a switch to run them on.

// Each test program uses a part of this.
#![allow(dead_code)]

use p4_compiler::{Compiled, Options, Report, Source, compile};
use p4_switch::control::PortNumber;
use p4_switch::{Switch, SwitchConfig};

/// A program for v1model. What is not given is what the simplest program would have: one header
/// `h_t` that is parsed into `hdr.h` and deparsed again, and a packet that leaves by port 1.
#[derive(Clone, Copy)]
pub(crate) struct Program<'a> {
    /// Declarations before everything else.
    pub types: &'a str,
    /// The fields of the header `h_t`.
    pub header: &'a str,
    /// The members of `headers_t`.
    pub headers: &'a str,
    /// The members of `metadata_t`.
    pub metadata: &'a str,
    /// Parsers, controls and functions that use `headers_t` or `metadata_t`.
    pub blocks: &'a str,
    /// The states of the parser.
    pub parser: &'a str,
    /// The statements of the control that verifies checksums.
    pub verify: &'a str,
    /// The declarations of ingress.
    pub ingress_locals: &'a str,
    /// The statements of ingress, after the one that sets `egress_spec` to 1.
    pub ingress: &'a str,
    /// The statements of egress.
    pub egress: &'a str,
    /// The statements of the control that computes checksums.
    pub compute: &'a str,
    /// The statements of the deparser.
    pub deparser: &'a str,
}

impl Default for Program<'_> {
    fn default() -> Self {
        Program {
            types: "",
            header: "bit<8> a; bit<8> b; bit<16> c;",
            headers: "h_t h;",
            metadata: "bit<8> m;",
            blocks: "",
            parser: "state start { packet.extract(hdr.h); transition accept; }",
            verify: "",
            ingress_locals: "",
            ingress: "",
            egress: "",
            compute: "",
            deparser: "packet.emit(hdr.h);",
        }
    }
}

impl Program<'_> {
    /// The whole program.
    pub(crate) fn text(&self) -> String {
        let Program {
            types,
            header,
            headers,
            metadata,
            blocks,
            parser,
            verify,
            ingress_locals,
            ingress,
            egress,
            compute,
            deparser,
        } = self;
        format!(
            "#include <core.p4>
#include <v1model.p4>
header h_t {{ {header} }}
{types}
struct headers_t {{ {headers} }}
struct metadata_t {{ {metadata} }}
{blocks}
parser P(packet_in packet, out headers_t hdr, inout metadata_t meta,
         inout standard_metadata_t standard_metadata) {{
    {parser}
}}
control V(inout headers_t hdr, inout metadata_t meta) {{ apply {{ {verify} }} }}
control I(inout headers_t hdr, inout metadata_t meta,
          inout standard_metadata_t standard_metadata) {{
    {ingress_locals}
    apply {{
        standard_metadata.egress_spec = 1;
        {ingress}
    }}
}}
control E(inout headers_t hdr, inout metadata_t meta,
          inout standard_metadata_t standard_metadata) {{
    apply {{ {egress} }}
}}
control C(inout headers_t hdr, inout metadata_t meta) {{ apply {{ {compute} }} }}
control D(packet_out packet, in headers_t hdr) {{ apply {{ {deparser} }} }}
V1Switch(P(), V(), I(), E(), C(), D()) main;
"
        )
    }

    /// The program compiled, or what is wrong with it.
    pub(crate) fn try_compile(&self) -> Result<Compiled, Vec<Report>> {
        let text = self.text();
        compile(
            &Source::Text {
                name: "test.p4".to_owned(),
                text,
            },
            &Options::default(),
        )
    }

    /// The program compiled.
    pub(crate) fn compile(&self) -> Compiled {
        self.try_compile().unwrap_or_else(|reports| {
            let rendered: Vec<String> = reports.iter().map(Report::render).collect();
            panic!("the program does not compile:\n{}", rendered.join("\n"))
        })
    }

    /// The message of the only error.
    #[allow(dead_code)] // not every test binary has programs that fail
    pub(crate) fn error(&self) -> String {
        match self.try_compile() {
            Ok(_) => panic!("the program compiles, although it should not"),
            Err(reports) => reports
                .iter()
                .map(Report::message)
                .collect::<Vec<_>>()
                .join("\n"),
        }
    }

    /// A switch that runs the program.
    #[allow(dead_code)] // not every test binary runs packets
    pub(crate) fn switch(&self) -> Switch {
        let (switch, _events) = Switch::new(SwitchConfig::default());
        switch.load(&self.compile().bmv2).unwrap();
        switch
    }

    /// What comes out when a packet comes in at port 0.
    #[allow(dead_code)] // not every test binary runs packets
    pub(crate) fn run(&self, packet: &[u8]) -> Vec<(PortNumber, Vec<u8>)> {
        self.switch().process(0, packet)
    }

    /// The bytes of the only packet that comes out, at port 1.
    #[allow(dead_code)] // not every test binary runs packets
    pub(crate) fn output(&self, packet: &[u8]) -> Vec<u8> {
        let mut out = self.run(packet);
        assert_eq!(out.len(), 1, "one packet should come out: {out:?}");
        let (port, bytes) = out.remove(0);
        assert_eq!(port, 1);
        bytes
    }
}

/// Runs statements of ingress on a header `bit<8> a; bit<8> b; bit<16> c;`.
pub(crate) fn ingress(statements: &str, packet: &[u8]) -> Vec<u8> {
    Program {
        ingress: statements,
        ..Program::default()
    }
    .output(packet)
}
