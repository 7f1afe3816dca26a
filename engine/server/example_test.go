package server_test

import (
	"fmt"
	"net/textproto"

	"smtplay/engine/server"
)

// A correct server with two faults: the second recipient is put off, and the
// reply to DATA comes octet by octet and stops in the middle of the line.
func ExamplePolite() {
	srv := server.Server{Handler: server.Polite{On: server.Answers{
		"rcpt 2": server.Say("452-4.5.3 Too many", "452 4.5.3 recipients"),
		"data":   server.Send("354 go a").InSegments(1, 0).Then(server.Drop),
	}}.Serve}
	if err := srv.Listen(); err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()

	client, err := textproto.Dial("tcp", srv.Addr())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	for _, command := range []string{"EHLO me", "MAIL FROM:<>", "RCPT TO:<a@b.example>", "RCPT TO:<c@d.example>", "DATA"} {
		client.PrintfLine("%s", command)
	}
	for err == nil {
		var line string
		if line, err = client.ReadLine(); line != "" {
			fmt.Println(line)
		}
	}
	fmt.Println(err)
	fmt.Println(srv.Received()[3])
	// Output:
	// 220 server.example.com ESMTP
	// 250-server.example.com
	// 250-PIPELINING
	// 250-SIZE 30720000
	// 250-VRFY
	// 250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT
	// 250-ENHANCEDSTATUSCODES
	// 250-8BITMIME
	// 250 CHUNKING
	// 250 2.1.0 Ok
	// 250 2.1.5 Ok
	// 452-4.5.3 Too many
	// 452 4.5.3 recipients
	// 354 go a
	// EOF
	// RCPT TO:<c@d.example>
}
