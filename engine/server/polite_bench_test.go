package server_test

import (
	"bufio"
	"io"
	"net"
	"testing"

	"smtplay/engine/server"
)

// BenchmarkPoliteMessage is one message of one connection after another: the
// client pipelines, so that the server's work is what counts.
func BenchmarkPoliteMessage(b *testing.B) {
	for _, bench := range []struct {
		name     string
		unlogged bool
		play     func(*server.Session)
	}{
		{"Serve", true, server.Polite{}.Serve},
		{"Serve, logged", false, server.Polite{}.Serve},
	} {
		b.Run(bench.name, func(b *testing.B) {
			srv := &server.Server{Handler: bench.play, Unlogged: bench.unlogged}
			if err := srv.Listen(); err != nil {
				b.Fatal(err)
			}
			defer srv.Close()
			conn, err := net.Dial("tcp", srv.Addr())
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			in := bufio.NewReader(conn)
			turn := func(say string, replies int) {
				if _, err := io.WriteString(conn, say); err != nil {
					b.Fatal(err)
				}
				for range replies {
					if _, err := in.ReadSlice('\n'); err != nil {
						b.Fatal(err)
					}
				}
			}
			turn("HELO me\r\n", 2)
			b.ReportAllocs()
			for b.Loop() {
				turn("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n", 3)
				turn("Subject: x\r\n\r\ntext\r\n.\r\n", 1)
			}
		})
	}
}
