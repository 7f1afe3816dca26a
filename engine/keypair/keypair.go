// Package keypair reads certificates and keys in PEM form, of whichever side
// shows them.
package keypair

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Load makes a certificate that can be shown of its PEM text, which may hold the
// chain above it, and that of its key, which may be the same text. whose is the
// side that shows it: "client", "server". certName and keyName are what errors
// call the texts; they do not quote them.
func Load(whose string, cert []byte, certName string, key []byte, keyName string) (*tls.Certificate, error) {
	chain, err := Certificates(cert, certName)
	if err != nil {
		return nil, err
	}
	signer, err := loadKey(key, keyName)
	if err != nil {
		return nil, err
	}
	public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	fits := func(c *x509.Certificate) bool { return ok && public.Equal(c.PublicKey) }
	switch at := slices.IndexFunc(chain, fits); {
	case at < 0:
		return nil, fmt.Errorf("the key of %s is not that of the certificate in %s (%s)", keyName, certName, chain[0].Subject)
	case at > 0:
		return nil, fmt.Errorf("the %s's own certificate (%s) is number %d of %s: it comes first, then the CAs above it", whose, chain[at].Subject, at+1, certName)
	}
	made := &tls.Certificate{PrivateKey: signer, Leaf: chain[0]}
	for _, c := range chain {
		made.Certificate = append(made.Certificate, c.Raw)
	}
	return made, nil
}

// Certificates reads the certificates of a PEM file, in their order. That
// there is none, or one that is none, is an error, which does not quote the file.
func Certificates(text []byte, name string) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if !strings.HasSuffix(block.Type, "CERTIFICATE") { // keys lie beside them; of old: X509 CERTIFICATE
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: certificate %d cannot be read: it is damaged, or none", name, len(certs)+1)
		}
		certs = append(certs, cert)
	}
	if len(certs) > 0 {
		return certs, nil
	}
	if _, err := x509.ParseCertificates(text); err == nil && len(text) > 0 {
		return nil, fmt.Errorf("%s is a certificate in DER form: openssl x509 -inform der -in FILE makes PEM of it", name)
	}
	return nil, fmt.Errorf("%s holds no certificate in PEM form", name)
}

// loadKey reads the first private key of a PEM text.
func loadKey(text []byte, name string) (crypto.Signer, error) {
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, fmt.Errorf("%s holds no private key in PEM form", name)
		}
		if !strings.HasSuffix(block.Type, "PRIVATE KEY") {
			continue
		}
		if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
			return nil, fmt.Errorf("the key of %s is encrypted, and smtplay asks for no passphrase: openssl pkey -in FILE takes it off", name)
		}
		key, err := parseKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("the key of %s cannot be read: it is damaged, or of a kind that Go does not know", name)
		}
		return key, nil
	}
}

func parseKey(der []byte) (crypto.Signer, error) {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		if signer, ok := key.(crypto.Signer); ok {
			return signer, nil
		}
		return nil, errors.New("no key that signs")
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	return x509.ParseECPrivateKey(der)
}
