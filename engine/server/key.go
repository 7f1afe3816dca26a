package server

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"sync"
)

// KeyType is the type of a certificate's key. The zero value is the one that is
// made quickest and taken everywhere.
type KeyType uint8

// The types of keys.
const (
	ECDSAP256 KeyType = iota
	Ed25519
	RSA2048
	RSA1024 // too weak to be trusted
)

var keyTypeNames = [...]string{"ECDSA P-256", "Ed25519", "RSA 2048", "RSA 1024"}

// String returns the name of the type.
func (k KeyType) String() string {
	if int(k) < len(keyTypeNames) {
		return keyTypeNames[k]
	}
	return fmt.Sprintf("KeyType(%d)", uint8(k))
}

// role keeps the keys of a chain apart: an issuer and a subject with one key
// would have one key identifier, and a chain could be built in more ways than
// the test means.
type role uint8

const (
	roleLeaf role = iota
	roleIntermediate
	roleRoot
	roleStranger
)

// keys holds one key a type and role for the life of the process: they protect
// nothing, and RSA keys take long to make.
var keys = struct {
	sync.Mutex
	made map[keyID]crypto.Signer
}{made: make(map[keyID]crypto.Signer)}

type keyID struct {
	of   KeyType
	role role
}

// key returns the process's key of that type and role.
func (k KeyType) key(r role) (crypto.Signer, error) {
	keys.Lock()
	defer keys.Unlock()
	id := keyID{k, r}
	if key, ok := keys.made[id]; ok {
		return key, nil
	}
	key, err := k.generate()
	if err != nil {
		return nil, fmt.Errorf("make %s key: %w", k, err)
	}
	keys.made[id] = key
	return key, nil
}

func (k KeyType) generate() (crypto.Signer, error) {
	switch k {
	case ECDSAP256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case Ed25519:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	case RSA2048:
		return rsa.GenerateKey(rand.Reader, 2048)
	case RSA1024:
		return rsa.GenerateKey(rand.Reader, 1024)
	}
	return nil, errors.New("unknown key type")
}

// keyTypeOf returns the type of a key that generate made.
func keyTypeOf(key crypto.Signer) KeyType {
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		return ECDSAP256
	case *rsa.PrivateKey:
		if key.N.BitLen() < 2048 {
			return RSA1024
		}
		return RSA2048
	}
	return Ed25519
}
