//! RFC 3031's FTN, ILM and NHLFE maps: the desired label forwarding information base.
