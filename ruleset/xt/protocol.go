package xt

// NewProtocol is a condition on what follows the IP header, with the name that
// iptables-save prints for it on a host of e's names.
func NewProtocol(number uint16, not bool, e Env) Protocol {
	return Protocol{Number: number, Name: e.protocolName(number), Not: not}
}
